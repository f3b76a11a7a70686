/**
 * aardvark-dns, which answers on the gateways of networks. Version 1.4 loses a signal that comes while it reads its files,
 * dies of one that comes before it listens for signals, and says nothing about having read: so it is asked.
 */
import { Resolver } from "node:dns/promises";
import { readdirSync, readFileSync } from "node:fs";
import { readFile, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { Failure } from "../errors.ts";
import type { BridgeTools } from "./bridge_tools.ts";
import type { StoredNetwork } from "./network_state.ts";
import type { Endpoint } from "./types.ts";

export interface NameQuestion {
  /** Where to ask. */
  readonly gateway: string;
  readonly name: string;
  readonly address: string;
}

/** A resolver that cannot even be asked: it would have to be asked by broadcast. */
const nowhere = "255.255.255.255";

const patience = 10_000;
/** Milliseconds, too: while it reads its files anew, questions are lost. */
const questionPatience = 60;
const signalEvery = 10;

export class NameService {
  readonly #tools: BridgeTools;

  constructor(tools: BridgeTools) {
    this.#tools = tools;
  }

  /** Gives a container its names; another line of it in this network is replaced. */
  async add({ definition, pools }: StoredNetwork, endpoint: Endpoint): Promise<void> {
    const { containerId, containerName, aliases, ipv4, ipv6 } = endpoint;
    // An internal network leads no question out.
    const dns = definition.internal ? [nowhere] : endpoint.dns;
    const names = withNetwork([...new Set([containerName, ...aliases])], definition.name).join(",");
    const words = [
      containerId,
      ipv4.address,
      ipv6?.address ?? "",
      names,
      ...(dns.length > 0 ? [dns.join(",")] : []),
    ];
    const head = pools.map(({ gateway }) => gateway).join(",");
    await this.#rewrite(definition.id, (lines) => [...without(lines, containerId), words.join(" ")], head);
  }

  /** Returns when the name means the address. @throws Failure("unavailable") after ten seconds */
  async expect(question: NameQuestion): Promise<void> {
    const answered = await this.#settle(async () => (await ask(question)).includes(question.address));
    if (answered) return;
    throw new Failure(
      "unavailable",
      `aardvark-dns does not answer for ${question.name} on ${question.gateway}, port 53`,
      { hint: "see whether another name server has that port on all addresses" },
    );
  }

  /** Returns when the name means the address no more, or nobody answers. */
  async expectGone(question: NameQuestion): Promise<void> {
    await this.#settle(async () => !(await ask(question)).includes(question.address));
  }

  /** Takes a container's line out of a network's file, and the file with its last line. */
  async forget(networkId: string, containerId: string): Promise<void> {
    await this.#rewrite(networkId, (lines) => without(lines, containerId));
  }

  /** Forgets all but these, such as those of an earlier boot, and sees to it that a server runs if one is needed. */
  async keep(endpoints: readonly Endpoint[]): Promise<void> {
    for (const networkId of this.#networks()) {
      const own = endpoints.filter((endpoint) => endpoint.networkId === networkId);
      await this.#rewrite(networkId, (lines) =>
        lines.filter((line) => own.some(({ containerId }) => line.startsWith(`${containerId} `))),
      );
    }
    if (this.#pid() === undefined) await this.#signal();
  }

  /**
   * A network's file: its gateways in the first line, then `<container> <ipv4> <ipv6> <names>[ <resolvers>]` for each
   * (aardvark-dns src/config/mod.rs). @param head the first line of a new file
   */
  async #rewrite(networkId: string, change: (lines: string[]) => string[], head = ""): Promise<void> {
    const path = join(this.#tools.dnsDirectory, networkId);
    const text = await readFile(path, "utf8").catch(() => "");
    const [first = head, ...lines] = text.split("\n").filter((line) => line !== "");
    const changed = change(lines);
    if (first === "" || changed.join("\n") === lines.join("\n")) return;
    if (changed.length === 0) {
      await rm(path, { force: true });
    } else {
      // Beside the directory: aardvark-dns reads all that lies in it.
      const beside = join(this.#tools.directory, `${networkId}.new`);
      await writeFile(beside, `${[first, ...changed].join("\n")}\n`, { mode: 0o600 });
      await rename(beside, path);
    }
    await this.#signal();
  }

  async #settle(isSettled: () => Promise<boolean>): Promise<boolean> {
    const start = performance.now();
    for (let turn = 1; performance.now() - start < patience; turn++) {
      if (await isSettled()) return true;
      await setTimeout(10);
      if (turn % signalEvery === 0) await this.#signal();
    }
    return false;
  }

  async #signal(): Promise<void> {
    const pid = this.#pid();
    if (pid !== undefined && hangUp(pid)) return;
    if (this.#networks().length > 0) await this.#tools.startNames();
  }

  /** Ids of those with a file. */
  #networks(): string[] {
    try {
      return readdirSync(this.#tools.dnsDirectory).filter((name) => /^[0-9a-f]{64}$/.test(name));
    } catch {
      return [];
    }
  }

  get #pidFile(): string {
    return join(this.#tools.dnsDirectory, "aardvark.pid");
  }

  /** Of the running server: a number in a file alone may be anybody's by now. */
  #pid(): number | undefined {
    try {
      const pid = Number(readFileSync(this.#pidFile, "latin1"));
      const command = readFileSync(`/proc/${pid}/cmdline`, "utf8");
      return command.split("\0").includes(this.#tools.dnsDirectory) ? pid : undefined;
    } catch {
      return undefined;
    }
  }
}

/**
 * Each name, too, with the network's name behind it, by which Docker's name server tells the networks apart that a
 * container is in (moby, daemon/libnetwork/sandbox.go, `ResolveName`). Words of a line have neither blank nor comma.
 */
function withNetwork(names: readonly string[], network: string): string[] {
  const qualified = names.map((name) => `${name}.${network}`);
  return [...names, ...qualified.filter((name) => /^[\w.-]{1,253}$/.test(name))];
}

function without(lines: readonly string[], containerId: string): string[] {
  return lines.filter((line) => !line.startsWith(`${containerId} `));
}

/** @returns false: it has just ended, as it does without any network */
function hangUp(pid: number): boolean {
  try {
    return process.kill(pid, "SIGHUP");
  } catch {
    return false;
  }
}

async function ask({ gateway, name }: NameQuestion): Promise<string[]> {
  const resolver = new Resolver({ timeout: questionPatience, tries: 1 });
  resolver.setServers([gateway.includes(":") ? `[${gateway}]` : gateway]);
  return resolver.resolve4(name).catch(() => []);
}
