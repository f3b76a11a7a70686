/** `logs`: what a container has printed, and what it prints (behaviour B178). */
import { existsSync, watch, type FSWatcher } from "node:fs";
import { dirname } from "node:path";
import { Failure } from "../../errors.ts";
import {
  jsonFileFormat,
  localFormat,
  readLog,
  type LogPlace,
  type LogQuery,
  type LogRecord,
} from "../../runtime/index.ts";
import type { Store } from "../../store/index.ts";
import { logConfigOf, logPathOf } from "./log_writer.ts";
import { containerDirectory, readHostConfig, readRecord, type ContainerRecord } from "./record.ts";
import { reconcile } from "./state.ts";

export interface LogsOptions extends LogQuery {
  /** Goes on until the run that is under way has ended. */
  readonly follow?: boolean;
  /** Ends it without a failure. */
  readonly signal?: AbortSignal;
}

/**
 * Some lines at a time, in the order in which they were printed.
 * @throws Failure("unsupported") where nothing is kept, `corrupt` for a log that makes no sense
 */
export async function containerLogs(
  store: Store,
  found: ContainerRecord,
  options: LogsOptions,
): Promise<AsyncGenerator<LogRecord[]>> {
  const record = await reconcile(store, found);
  const { driver } = logConfigOf(readHostConfig(store.root, record.ID));
  const path = logPathOf(store, record, driver);
  if (path === undefined || driver === "cri") {
    throw new Failure("unsupported", "configured logging driver does not support reading");
  }
  return linesOf(store, record, { path, format: driver === "local" ? localFormat : jsonFileFormat }, options);
}

async function* linesOf(
  store: Store,
  record: ContainerRecord,
  place: Pick<LogPlace, "path" | "format">,
  { follow = false, signal, ...query }: LogsOptions,
): AsyncGenerator<LogRecord[]> {
  using run = follow && record.State.Running ? new RunWatch(store, record, place.path, signal) : undefined;
  const changed = run === undefined ? undefined : () => run.changed();
  for await (const records of readLog({ ...place, changed }, query)) {
    if (signal?.aborted === true) return;
    yield records;
  }
}

/** Told by the kernel when a file of the container changes: its log, or its record, which says that the run has ended. */
class RunWatch implements Disposable {
  readonly #store: Store;
  readonly #record: ContainerRecord;
  readonly #watchers: FSWatcher[] = [];
  readonly #signal: AbortSignal | undefined;
  #news = Promise.withResolvers<void>();
  #ended = false;

  constructor(store: Store, record: ContainerRecord, path: string, signal: AbortSignal | undefined) {
    this.#store = store;
    this.#record = record;
    this.#signal = signal;
    for (const directory of new Set([containerDirectory(store.root, record.ID), dirname(path)])) {
      if (!existsSync(directory)) continue;
      const watcher = watch(directory, (_event, name) => this.#tell(name));
      // The directory has gone, with the container.
      watcher.on("error", () => this.#end());
      this.#watchers.push(watcher);
    }
    signal?.addEventListener("abort", this.#end, { once: true });
    // It may have ended just before.
    this.#tell("config.v2.json");
  }

  /** False: what is in the log now is all. */
  async changed(): Promise<boolean> {
    if (this.#ended) return false;
    await this.#news.promise;
    this.#news = Promise.withResolvers<void>();
    return !this.#ended;
  }

  [Symbol.dispose](): void {
    this.#signal?.removeEventListener("abort", this.#end);
    for (const watcher of this.#watchers) watcher.close();
  }

  #tell(name: string | null): void {
    if ((name === null || name === "config.v2.json") && this.#hasEnded()) this.#ended = true;
    this.#news.resolve();
  }

  readonly #end = (): void => {
    this.#ended = true;
    this.#news.resolve();
  };

  /** A run that is followed by another has ended, too, as for Docker. */
  #hasEnded(): boolean {
    const now = readRecord(this.#store.root, this.#record.ID)?.State;
    return now?.Running !== true || now.Restarting || now.StartedAt !== this.#record.State.StartedAt;
  }
}
