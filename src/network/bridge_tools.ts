/** The programs that networks are made with: netavark, aardvark-dns, ip, iptables. */
import { accessSync, constants, readFileSync } from "node:fs";
import { join } from "node:path";
import { Failure } from "../errors.ts";
import { runProgram } from "./run_program.ts";

export interface BridgeToolsOptions {
  /** Where netavark keeps its own files. */
  readonly directory: string;
  /** Default: where the packages of distributions put them, then PATH. */
  readonly netavark?: string;
  readonly aardvark?: string;
}

const folders = [
  "/usr/libexec/podman",
  "/usr/lib/podman",
  "/usr/local/libexec/podman",
  "/usr/local/lib/podman",
];

export class BridgeTools {
  readonly directory: string;
  readonly #options: BridgeToolsOptions;
  #found: { readonly netavark: string; readonly aardvark: string } | undefined;

  constructor(options: BridgeToolsOptions) {
    this.directory = options.directory;
    this.#options = options;
  }

  get dnsDirectory(): string {
    return join(this.directory, "aardvark-dns");
  }

  /** @throws Failure("unavailable") if one is not there; Failure("denied") without root */
  check(): { readonly netavark: string; readonly aardvark: string } {
    if (process.geteuid?.() !== 0) {
      throw new Failure("denied", "bridge networks need root", {
        hint: "use the networks host or none",
      });
    }
    return (this.#found ??= {
      netavark: this.#options.netavark ?? find("netavark"),
      aardvark: this.#options.aardvark ?? find("aardvark-dns"),
    });
  }

  /**
   * Runs `netavark setup` or `teardown`.
   * @param options netavark's network options (netavark src/network/types.rs, NetworkOptions)
   * @throws Failure("unavailable" | "internal") with netavark's words
   */
  async netavark(action: "setup" | "teardown", namespace: string, options: object): Promise<void> {
    const { netavark, aardvark } = this.check();
    const words = ["--config", this.directory, "--rootless", "false", "--aardvark-binary", aardvark];
    const { code, output } = await runProgram(
      netavark,
      [...words, action, namespace],
      JSON.stringify(options),
    );
    if (code !== 0)
      throw new Failure("internal", `netavark ${action} of ${namespace} failed: ${reason(output)}`);
  }

  /** Runs lines of ip(8) up to the first that fails. @throws Failure("unavailable") with the kernel's words */
  async ip(lines: readonly string[]): Promise<void> {
    const { code, output } = await runProgram("ip", ["-batch", "-"], `${lines.join("\n")}\n`);
    if (code === 0) return;
    throw new Failure("unavailable", `making a bridge failed (ip -batch): ${output.trim()}`, {
      hint: "the kernel needs bridge and veth interfaces (CONFIG_BRIDGE, CONFIG_VETH)",
    });
  }

  /** All rules of a family, as iptables-restore(8) reads them. @throws Failure("unavailable" | "internal") */
  async iptablesSave(family: 4 | 6): Promise<string> {
    return this.#iptables(family, "save", []);
  }

  /** Changes the chains that a file names, each table at once. @throws Failure("unavailable" | "internal") */
  async iptablesRestore(family: 4 | 6, path: string): Promise<void> {
    await this.#iptables(family, "restore", ["--wait", "--noflush", path]);
  }

  async #iptables(family: 4 | 6, action: "save" | "restore", words: readonly string[]): Promise<string> {
    const program = `${family === 4 ? "iptables" : "ip6tables"}-${action}`;
    const { code, output } = await runProgram(program, words, "");
    if (code === 0) return output;
    throw new Failure("internal", `${[program, ...words].join(" ")} failed: ${output.trim()}`);
  }

  /** Starts the name server of this directory, which goes on by itself. */
  async startNames(): Promise<void> {
    const { aardvark } = this.check();
    await runProgram(aardvark, ["--config", this.dnsDirectory, "-p", "53", "run"], "");
  }
}

function find(name: string): string {
  const places = [...folders, ...(process.env["PATH"] ?? "").split(":")].map((folder) => join(folder, name));
  const found = places.find(isProgram);
  if (found !== undefined) return found;
  throw new Failure(
    "unavailable",
    `bridge networks need ${name}, which is neither in ${folders.join(", ")} nor in PATH`,
    {
      hint: "install the packages netavark and aardvark-dns",
    },
  );
}

function isProgram(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/** netavark prints `{"error":"..."}`. */
function reason(output: string): string {
  try {
    return (JSON.parse(output) as { error: string }).error;
  } catch {
    return output.trim() || "it said nothing";
  }
}

/** Names of the interfaces of this thread's namespace. sysfs may be another namespace's. */
export function linkNames(): Set<string> {
  const table = readFileSync("/proc/thread-self/net/dev", "latin1");
  return new Set([...table.matchAll(/^\s*([^\s:]+):/gm)].map(([, name]) => name as string));
}
