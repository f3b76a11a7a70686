/**
 * What this root knows of networks: `networks.json` (definitions, durable) and `endpoints.json` (who holds which address,
 * which port), which is of this boot only: with the machine went every interface and rule.
 */
import { mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { mkdir, open, rename } from "node:fs/promises";
import { dirname, join } from "node:path";
import { Failure } from "../errors.ts";
import { lockFile } from "../sys/index.ts";
import type { NetworkDefaults } from "./network_defaults.ts";
import type { Endpoint, NetworkDefinition } from "./types.ts";

/** A definition, and what was settled when it was made. */
export interface StoredNetwork {
  readonly definition: NetworkDefinition;
  /** One or two; none for `host` and `none`. */
  readonly pools: readonly StoredPool[];
  /** The bridge's interface; "" where there is none. */
  readonly bridge: string;
}

export interface StoredPool {
  readonly subnet: string;
  readonly gateway: string;
  readonly range?: string;
  readonly reserved: readonly string[];
  /** Whether nobody named it: then addresses of it cannot be asked for. */
  readonly elected: boolean;
}

export interface NetworkRecords {
  networks: StoredNetwork[];
  endpoints: Endpoint[];
  /** Ids of networks whose firewall rules were made: only netavark can take them back. */
  ruled: string[];
  /** Those of them that netavark has finished. Not known after a restart: rules are looked at again then. */
  settled: string[];
  /** Families of which the firewall may have chains of ours. */
  chained: (4 | 6)[];
  /** Those of them that the built-in chains lead to. Not known after a restart, either. */
  entered: (4 | 6)[];
}

/** The records, to change: {@link save} writes what they are by then. Disposing lets go of the lock only. */
export interface LockedRecords extends NetworkRecords, AsyncDisposable {
  save(): Promise<void>;
}

export interface NetworkStateOptions {
  readonly directory: string;
  /**
   * One file for all roots of the machine: netavark's rules and the routes are shared by all, and netavark looks before it
   * writes.
   */
  readonly lock: string;
  readonly defaults?: NetworkDefaults;
}

export class NetworkState {
  readonly directory: string;
  readonly defaults: NetworkDefaults;
  readonly #lock: string;

  constructor({ directory, lock, defaults = {} }: NetworkStateOptions) {
    this.directory = directory;
    this.defaults = defaults;
    this.#lock = lock;
  }

  /** As of now; each file is whole, whoever writes. @throws Failure("corrupt") */
  read(): NetworkRecords {
    return { networks: this.#readNetworks(), ...this.#readEndpoints() };
  }

  /** Waits until no other process changes anything. @throws Failure("cancelled" | "corrupt"), SysError */
  async lock(signal?: AbortSignal): Promise<LockedRecords> {
    await mkdir(dirname(this.#lock), { recursive: true });
    const held = await lockFile(this.#lock, "exclusive", signal);
    try {
      const records = this.read();
      const before = structuredClone(records);
      const save = async (): Promise<void> => this.#save(records, before);
      return Object.assign(records, { save, [Symbol.asyncDispose]: () => held[Symbol.asyncDispose]() });
    } catch (error) {
      await held[Symbol.asyncDispose]();
      throw error;
    }
  }

  #readNetworks(): StoredNetwork[] {
    const path = join(this.directory, "networks.json");
    const text = readIfThere(path);
    if (text === undefined) return [];
    try {
      return (JSON.parse(text) as { networks: StoredNetwork[] }).networks;
    } catch (cause) {
      throw new Failure("corrupt", `${path} is not what varve wrote`, { cause });
    }
  }

  /** What cannot be read is of a boot that ended without a sync. */
  #readEndpoints(): Omit<NetworkRecords, "networks"> {
    try {
      const text = readIfThere(join(this.directory, "endpoints.json")) ?? "{}";
      const { boot, ...records } = JSON.parse(text) as NetworkRecords & { boot?: string };
      if (boot === bootId()) return { ...nothingYet(), ...records };
    } catch {
      // Falls through.
    }
    return nothingYet();
  }

  async #save(records: NetworkRecords, before: NetworkRecords): Promise<void> {
    mkdirSync(this.directory, { recursive: true, mode: 0o700 });
    const { networks, endpoints, ruled, settled, chained, entered } = records;
    if (!same(networks, before.networks)) {
      await writeDurably(join(this.directory, "networks.json"), JSON.stringify({ networks }));
      before.networks = structuredClone(networks);
    }
    const ofThisBoot = { endpoints, ruled, settled, chained, entered };
    const { networks: _durable, ...written } = before;
    if (!same(ofThisBoot, written)) {
      const text = JSON.stringify({ boot: bootId(), ...ofThisBoot });
      writeBeside(join(this.directory, "endpoints.json"), text);
      Object.assign(before, structuredClone(ofThisBoot));
    }
  }
}

function nothingYet(): Omit<NetworkRecords, "networks"> {
  return { endpoints: [], ruled: [], settled: [], chained: [], entered: [] };
}

function same(one: unknown, other: unknown): boolean {
  return JSON.stringify(one) === JSON.stringify(other);
}

function readIfThere(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
}

let boot: string | undefined;

function bootId(): string {
  return (boot ??= readFileSync("/proc/sys/kernel/random/boot_id", "latin1").trim());
}

/** Only the holder of the lock writes, so one name for the unfinished file will do. */
async function writeDurably(path: string, text: string): Promise<void> {
  const beside = `${path}.new`;
  {
    await using file = await open(beside, "w", 0o600);
    await file.writeFile(text);
    await file.sync();
  }
  await rename(beside, path);
  await using directory = await open(dirname(path));
  await directory.sync();
}

/** On this thread: nothing is waited for, and a container's start waits for this twice. */
function writeBeside(path: string, text: string): void {
  const beside = `${path}.new`;
  writeFileSync(beside, text, { mode: 0o600 });
  renameSync(beside, path);
}
