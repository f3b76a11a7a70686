/** One run of garbage collection: what it was told, and what it does to a single file of the tree. */
import type { StorageDriver } from "../storage/types.ts";
import { condemn, condemnedBelow, condemnedSince, withdraw } from "./condemned.ts";
import type { Decision } from "./decision.ts";
import { timeText, type GcClock } from "./gc_clock.ts";
import { copyBack, moveToTrash, settle, trashEntries, type ThrownBy, type TrashEntry } from "./trash.ts";

export interface GcRunOptions {
  readonly dryRun: boolean;
  /** Milliseconds. */
  readonly grace: number;
  /** Milliseconds. */
  readonly trash: number;
  readonly clock: GcClock;
  readonly signal: AbortSignal;
}

/** A file that nothing leads to. */
export interface Candidate extends Omit<Decision, "action" | "reason" | "notBefore"> {
  readonly path: string;
  /** `unreferenced`, `untagged`, a rule of retention. */
  readonly why: string;
}

export class GcRun {
  readonly storage: StorageDriver;
  readonly options: GcRunOptions;
  /** When marking began. */
  readonly started: number;
  readonly #candidates = new Set<string>();
  readonly #by: ThrownBy;

  constructor(storage: StorageDriver, options: GcRunOptions, by: ThrownBy = "gc") {
    this.storage = storage;
    this.options = options;
    this.started = options.clock.now();
    this.#by = by;
  }

  /** Condemns a file that nothing leads to, or throws it away if its grace is over. */
  async dispose(candidate: Candidate): Promise<Decision> {
    const { path, why, ...about } = candidate;
    const { grace, dryRun } = this.options;
    const since = await this.condemn(path);
    const reason = `${why} since ${timeText(since)}`;
    // Both marks, that of the condemning run and this one, found nothing.
    if (since + grace > this.started) {
      return { ...about, action: "condemned", reason, notBefore: since + grace };
    }
    if (dryRun || (await this.#throwAway(path))) return { ...about, action: "deleted", reason };
    return { ...about, action: "kept", reason: "used while garbage was collected" };
  }

  /** Since when the file is condemned; if it was not, from now on. */
  async condemn(path: string): Promise<number> {
    this.#candidates.add(path);
    if (!this.options.dryRun) return condemn(this.storage, path, this.started);
    return Math.min((await condemnedSince(this.storage, path)) ?? this.started, this.started);
  }

  /** False if somebody claimed the file meanwhile. The order of steps is the proof: see ARCHITECTURE.md. */
  async #throwAway(path: string): Promise<boolean> {
    if ((await condemnedSince(this.storage, path)) === undefined) return false;
    const entry = await moveToTrash(this.storage, path, "gc", this.options.clock);
    if (entry !== undefined && (await condemnedSince(this.storage, path)) === undefined) {
      await copyBack(this.storage, entry, this.options.clock, this.options.signal);
      return false;
    }
    await withdraw(this.storage, path);
    // Only now is it sure: until here, whoever looked for the tag would have got it back.
    if (entry !== undefined && this.#by !== "gc") await settle(this.storage, entry, this.#by);
    return true;
  }

  /** For a file that something leads to and that is not at its place. */
  async bringBack(path: string): Promise<"restored" | "missing"> {
    const newest = (await trashEntries(this.storage, path))[0];
    if (newest?.by !== "gc") return "missing";
    if (this.options.dryRun) return "restored";
    const done = await copyBack(this.storage, newest, this.options.clock, this.options.signal);
    return done ? "restored" : "missing";
  }

  /** Decides about an entry whose thrower was killed. Undefined: its thrower is about to. */
  async settle(entry: TrashEntry): Promise<"restored" | "deleted" | undefined> {
    const claimed = (await condemnedSince(this.storage, entry.path)) === undefined;
    const action = claimed ? "restored" : "deleted";
    if (this.options.dryRun) return action;
    if (claimed) await copyBack(this.storage, entry, this.options.clock, this.options.signal);
    else await withdraw(this.storage, entry.path);
    return (await settle(this.storage, entry, "retention")) ? action : undefined;
  }

  isOverdue(entry: TrashEntry): boolean {
    return entry.at + this.options.trash <= this.started;
  }

  async remove(path: string): Promise<void> {
    if (!this.options.dryRun) await this.storage.remove(path);
  }

  /** Sentences below a path of the tree over files that this run found alive, or gone. */
  async withdrawOthers(below: string, of: (path: string) => boolean): Promise<void> {
    if (this.options.dryRun) return;
    for await (const path of condemnedBelow(this.storage, below)) {
      if (of(path) && !this.#candidates.has(path)) await withdraw(this.storage, path);
    }
  }
}
