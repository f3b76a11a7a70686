/**
 * An object store as unkind as its contract lets it be: every call takes its time, a move is a copy and a deletion with
 * time between, calls fail before or after they had their effect, a process dies between the two, listings lag.
 */
import type { ByteSource } from "../../../src/bytes/index.ts";
import { Failure } from "../../../src/errors.ts";
import type {
  AppendableFile,
  ByteRange,
  StorageDriver,
  StorageEntry,
} from "../../../src/registry/storage/types.ts";
import type { Random, SimulatedTime } from "./simulated_time.ts";

export interface Faults {
  /** Of one call, 0 to 1. */
  readonly failing: number;
  /** Milliseconds for which listings may show an older state; 0: never. */
  readonly lag: number;
  /** Whether a move happens at once, as in a file system. */
  readonly atomicMoves: boolean;
  /** False: no call takes time. */
  slow: boolean;
}

/** A process with this storage; the dead never hear of a call again. */
export interface Process {
  alive: boolean;
}

interface File {
  /** Undefined: removed, but listings may still show it. */
  bytes: Uint8Array | undefined;
  modified: number;
  shownFrom: number;
  shownUntil: number;
}
type Directory = Map<string, File | Directory>;

export class SimulatedStorage {
  readonly time: SimulatedTime;
  readonly #random: Random;
  readonly #faults: Faults;
  readonly #files = new Map<string, File>();
  readonly #directories = new Map<string, Directory>([["", new Map()]]);

  constructor(time: SimulatedTime, random: Random, faults: Faults) {
    this.time = time;
    this.#random = random;
    this.#faults = faults;
  }

  /** Paths of all that is there, now. */
  files(): string[] {
    return [...this.#files].flatMap(([path, file]) => (file.bytes === undefined ? [] : [path])).sort();
  }

  driver(process: Process): StorageDriver {
    const call = <T>(effect: () => T): Promise<T> => this.#call(process, effect);
    return {
      name: "simulated",
      read: (path) => call(() => this.#get(path)?.bytes),
      write: (path, bytes) => call(() => this.#put(path, bytes)),
      writeNew: (path, bytes) =>
        call(() => {
          if (this.#get(path)?.bytes !== undefined) return false;
          this.#put(path, bytes);
          return true;
        }),
      stat: (path) =>
        call(() => {
          const file = this.#get(path);
          if (file?.bytes === undefined) return undefined;
          return { kind: "file", size: file.bytes.length, modified: file.modified };
        }),
      open: (path, range) => this.#open(process, path, range),
      appendTo: async (path, { continuing }) => {
        if (!continuing) await call(() => this.#put(path, new Uint8Array()));
        return this.#appendable(process, path);
      },
      list: (path) => this.#list(process, path),
      move: (from, to) => this.#move(process, from, to),
      remove: (path) => call(() => this.#remove(path)),
    };
  }

  async #call<T>(process: Process, effect: () => T): Promise<T> {
    const { failing } = this.#faults;
    const before = this.#delay(process);
    if (before !== undefined) await before;
    const fate = failing === 0 ? 1 : this.#random();
    if (fate < failing / 2) throw new Failure("unavailable", "the simulated storage is not available");
    const result = effect();
    const after = this.#delay(process);
    if (after !== undefined) await after;
    if (fate < failing) throw new Failure("unavailable", "the simulated storage has lost an answer");
    return result;
  }

  /** Mostly none, at times minutes. */
  #delay(process: Process): Promise<void> | undefined {
    if (!process.alive) return new Promise(() => undefined);
    const kind = this.#faults.slow ? this.#random() : 0;
    if (kind < 0.8) return undefined;
    const longest = kind < 0.97 ? 2_000 : kind < 0.995 ? 60_000 : 600_000;
    return this.time.wait(this.#random() * longest, () => process.alive);
  }

  async *#open(process: Process, path: string, range: ByteRange): ByteSource {
    const bytes = await this.#call(process, () => this.#get(path)?.bytes);
    if (bytes === undefined) throw new Failure("not-found", `cannot open ${path}: no such file`);
    yield bytes.slice(range.start, range.end + 1);
  }

  #appendable(process: Process, path: string): AppendableFile {
    const size = () => this.#get(path)?.bytes?.length ?? 0;
    return {
      get size() {
        return size();
      },
      append: async (source) => {
        for await (const chunk of source) {
          await this.#call(process, () => {
            this.#put(path, Buffer.concat([this.#get(path)?.bytes ?? new Uint8Array(), chunk]));
          });
        }
        return size();
      },
      commit: () => this.#call(process, () => undefined),
      cancel: () => this.#call(process, () => this.#remove(path)),
      [Symbol.asyncDispose]: async () => undefined,
    };
  }

  async #move(process: Process, from: string, to: string): Promise<void> {
    const copied = () => {
      const bytes = this.#get(from)?.bytes;
      if (bytes === undefined) throw new Failure("not-found", `cannot move ${from}: no such file`);
      this.#put(to, bytes);
    };
    if (this.#faults.atomicMoves) {
      await this.#call(process, () => {
        copied();
        this.#remove(from);
      });
    } else {
      await this.#call(process, copied);
      await this.#call(process, () => this.#remove(from));
    }
  }

  async *#list(process: Process, path: string): AsyncGenerator<StorageEntry, void, undefined> {
    for (const entry of await this.#call(process, () => this.#entries(path))) yield entry;
  }

  #entries(path: string): StorageEntry[] {
    const found = this.#directories.get(path);
    if (found === undefined) return [];
    const entries: StorageEntry[] = [];
    for (const [name, child] of found) {
      if (!this.#isShown(child)) continue;
      if (child instanceof Map) entries.push({ name, kind: "directory", size: 0, modified: 0 });
      else entries.push({ name, kind: "file", size: child.bytes?.length ?? 0, modified: child.modified });
    }
    return entries.sort((a, b) => (a.name < b.name ? -1 : 1));
  }

  #isShown(item: File | Directory): boolean {
    if (item instanceof Map) {
      if (this.#faults.lag === 0) return true;
      for (const child of item.values()) if (this.#isShown(child)) return true;
      return false;
    }
    if (this.#faults.lag === 0) return item.bytes !== undefined;
    return item.shownFrom <= this.time.now && this.time.now < item.shownUntil;
  }

  #get(path: string): File | undefined {
    return this.#files.get(path);
  }

  #put(path: string, bytes: Uint8Array): void {
    const { now } = this.time;
    const old = this.#files.get(path);
    if (old !== undefined) {
      if (!this.#isShown(old)) old.shownFrom = now + this.#random() * this.#faults.lag;
      Object.assign(old, { bytes, modified: now, shownUntil: Infinity });
      return;
    }
    const shownFrom = now + this.#random() * this.#faults.lag;
    const file: File = { bytes, modified: now, shownFrom, shownUntil: Infinity };
    this.#files.set(path, file);
    let child: File | Directory = file;
    for (let at = path; at !== "";) {
      const parent = parentOf(at);
      const name = at.slice(parent === "" ? 0 : parent.length + 1);
      const known = this.#directories.get(parent);
      if (known !== undefined) {
        known.set(name, child);
        return;
      }
      const made: Directory = new Map([[name, child]]);
      this.#directories.set(parent, made);
      child = made;
      at = parent;
    }
  }

  #remove(path: string): void {
    const directory = this.#directories.get(path);
    for (const name of directory === undefined ? [] : [...directory.keys()]) this.#remove(`${path}/${name}`);
    const file = this.#files.get(path);
    if (file?.bytes === undefined) return;
    file.bytes = undefined;
    file.shownUntil = this.time.now + this.#random() * this.#faults.lag;
    if (this.#faults.lag === 0) this.#prune(path);
  }

  #prune(path: string): void {
    this.#files.delete(path);
    for (let at = path; at !== "";) {
      const parent = parentOf(at);
      const directory = this.#directories.get(parent) as Directory;
      directory.delete(at.slice(parent === "" ? 0 : parent.length + 1));
      if (directory.size > 0 || parent === "") return;
      this.#directories.delete(parent);
      at = parent;
    }
  }
}

const parentOf = (path: string) => path.slice(0, Math.max(0, path.lastIndexOf("/")));
