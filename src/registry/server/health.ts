/** Whether the server and what it needs are well: checks that run by the clock, and what they found last. */
import { access } from "node:fs/promises";
import { connect } from "node:net";
import type { DiskGuard } from "../policy/disk_guard.ts";
import type { StorageDriver } from "../storage/types.ts";
import type { ServerConfig } from "./config/read_config.ts";
import { parseAddress } from "./config/scalars.ts";

export interface HealthCheck {
  readonly name: string;
  /** Milliseconds between two looks. */
  readonly interval: number;
  /** Failures one after the other until it counts. */
  readonly threshold: number;
  /** It can be read from all the same: told of, and no reason to be taken out of service. */
  readonly isWarning?: true;
  /** Rejects when something is wrong. */
  look(): Promise<void>;
}

export class Health implements Disposable {
  readonly #checks: readonly HealthCheck[];
  readonly #failures = new Map<string, { count: number; reason: string }>();
  readonly #timers: NodeJS.Timeout[] = [];

  constructor(checks: readonly HealthCheck[]) {
    this.#checks = checks;
  }

  /** Looks once at all, and from now on by the clock. What fails at once counts at once: nothing was well before. */
  async start(): Promise<void> {
    await Promise.all(this.#checks.map((check) => this.#look(check, 1)));
    for (const check of this.#checks) {
      this.#timers.push(setInterval(() => void this.#look(check, check.threshold), check.interval).unref());
    }
  }

  /** What is wrong, by the names of checks; empty: nothing. */
  problems(): Readonly<Record<string, string>> {
    return this.#failing(false);
  }

  /** What an operator should know and a client need not. */
  warnings(): Readonly<Record<string, string>> {
    return this.#failing(true);
  }

  #failing(asWarning: boolean): Readonly<Record<string, string>> {
    const names = this.#checks
      .filter(({ isWarning = false }) => isWarning === asWarning)
      .map(({ name }) => name);
    const bad = [...this.#failures].filter(([name, { count }]) => count > 0 && names.includes(name));
    return Object.fromEntries(bad.map(([name, { reason }]) => [name, reason]));
  }

  [Symbol.dispose](): void {
    for (const timer of this.#timers) clearInterval(timer);
  }

  async #look(check: HealthCheck, threshold: number): Promise<void> {
    const { name } = check;
    try {
      await check.look();
      this.#failures.delete(name);
    } catch (error) {
      // Below nought: failing, and not for long enough.
      const count = (this.#failures.get(name)?.count ?? -threshold) + 1;
      this.#failures.set(name, { count: count === 0 ? 1 : count, reason: (error as Error).message });
    }
  }
}

/** The checks of the configuration, with distribution's names. */
export function healthChecks(config: ServerConfig, storage: StorageDriver, disk?: DiskGuard): HealthCheck[] {
  const { storagedriver, file, http, tcp } = config.health;
  return [
    ...(storagedriver.enabled
      ? [{ ...storagedriver, name: `storagedriver_${storage.name}`, look: () => probe(storage) }]
      : []),
    ...(disk === undefined ? [] : [diskCheck(disk)]),
    ...file.map(({ file: path = "", ...rest }) => ({ ...rest, name: path, look: () => mustBeAbsent(path) })),
    ...http.map((check) => ({ ...check, name: check.uri ?? "", look: () => mustAnswer(check) })),
    ...tcp.map((check) => ({ ...check, name: check.addr ?? "", look: () => mustConnect(check) })),
  ];
}

function diskCheck(disk: DiskGuard): HealthCheck {
  const look = async () => {
    const problem = await disk.problem();
    if (problem !== undefined) throw new Error(problem);
  };
  return { name: "disk", interval: 10_000, threshold: 1, isWarning: true, look };
}

async function probe(storage: StorageDriver): Promise<void> {
  await storage.stat("docker/registry/v2/repositories");
}

/** A file that the operator makes to take an instance out of service. */
async function mustBeAbsent(path: string): Promise<void> {
  const exists = await access(path).then(
    () => true,
    () => false,
  );
  if (exists) throw new Error("file exists");
}

async function mustAnswer(check: ServerConfig["health"]["http"][number]): Promise<void> {
  const { uri = "", headers, statuscode, timeout } = check;
  const sent = new Headers(Object.entries(headers).map(([name, values]) => [name, values.join(", ")]));
  const response = await fetch(uri, { method: "HEAD", headers: sent, signal: AbortSignal.timeout(timeout) });
  if (response.status !== statuscode)
    throw new Error(`downstream service returned status ${response.status}`);
}

async function mustConnect({ addr = "", timeout }: ServerConfig["health"]["tcp"][number]): Promise<void> {
  const address = parseAddress(addr);
  if (address === undefined) throw new Error(`no address: ${addr}`);
  const socket = connect({ ...address, timeout });
  try {
    await new Promise<void>((resolve, reject) => {
      socket.once("connect", resolve).once("error", reject);
      socket.once("timeout", () => reject(new Error("connection timed out")));
    });
  } finally {
    socket.destroy();
  }
}
