/** Records who pulls what, beside requests: gathered in memory, written in turns, each manifest once an hour at most. */
import type { Digest } from "../../../oci/index.ts";
import { concurrently } from "../../concurrently.ts";
import type { RegistryEvent, RegistryHooks } from "../../hooks.ts";
import type { StorageDriver } from "../../storage/types.ts";
import { hour, systemClock, type GcClock } from "../gc_clock.ts";
import { keepBook, recordPull } from "./pull_times.ts";

/** Between two writes; what a killed process has not written is lost. Milliseconds. */
const pause = 30_000;
/** Manifests whose last record is remembered, so that it is not written again within the hour. */
const maxRemembered = 10_000;
/** Manifests that wait while the storage does not answer. */
const maxWaiting = 100_000;

interface Waiting {
  readonly repository: string;
  readonly digest: Digest;
  readonly time: number;
}

export interface PullRecorderOptions {
  readonly storage: StorageDriver;
  /** Told of writes that failed; they are tried again. */
  readonly onFailure: (error: unknown) => void;
  readonly clock?: GcClock;
}

/**
 * Any number of instances record on one storage: the latest pull stays. Disposal writes what waits. Whatever is lost for
 * want of memory is noted as a time without records, which makes retention keep more.
 */
export class PullRecorder implements RegistryHooks, AsyncDisposable {
  readonly #options: PullRecorderOptions;
  readonly #clock: GcClock;
  readonly #waiting = new Map<string, Waiting>();
  /** Time of the record by manifest; least recently written first. */
  readonly #recorded = new Map<string, number>();
  readonly #timer: NodeJS.Timeout;
  #booked = Number.NEGATIVE_INFINITY;
  #complete = true;
  #writing: Promise<void> = Promise.resolve();

  constructor(options: PullRecorderOptions) {
    this.#options = options;
    this.#clock = options.clock ?? systemClock;
    this.#timer = setInterval(() => void this.flush(), pause).unref();
    void this.flush();
  }

  onEvent(event: RegistryEvent): void {
    if (event.action !== "pull" || event.kind !== "manifest") return;
    const { repository, digest } = event;
    const key = `${repository}@${digest}`;
    const time = event.time.getTime();
    if ((this.#recorded.get(key) ?? Number.NEGATIVE_INFINITY) + hour > time) return;
    if (this.#waiting.size < maxWaiting) this.#waiting.set(key, { repository, digest, time });
    else this.#complete = false;
  }

  /** Writes what waits; never rejects. */
  flush(): Promise<void> {
    this.#writing = this.#writing.then(() => this.#write().catch(this.#options.onFailure));
    return this.#writing;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    clearInterval(this.#timer);
    this.#booked = Number.NEGATIVE_INFINITY;
    await this.flush();
  }

  async #write(): Promise<void> {
    const { storage } = this.#options;
    const now = this.#clock.now();
    await concurrently([...this.#waiting], async ([key, { repository, digest, time }]) => {
      await recordPull(storage, repository, digest, time);
      this.#waiting.delete(key);
      this.#remember(key, time);
    });
    if (this.#complete && this.#booked + hour > now) return;
    const complete = this.#complete;
    this.#complete = true;
    await keepBook(storage, now, complete).catch((error: unknown) => {
      this.#complete &&= complete;
      throw error;
    });
    this.#booked = now;
  }

  #remember(key: string, time: number): void {
    this.#recorded.delete(key);
    this.#recorded.set(key, time);
    if (this.#recorded.size > maxRemembered)
      this.#recorded.delete(this.#recorded.keys().next().value as string);
  }
}
