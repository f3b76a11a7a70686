/** Work by the clock, beside requests: garbage collection, checks, uploads that nobody goes on with. */
import { evictionInterval, evictWork } from "./evict_work.ts";
import { claimSlot, releaseSlot, slotAt, type Times } from "./schedule.ts";
import { collectWork, fsckWork, purgeUploads, type Summary, type WorkParts } from "./works.ts";

/** How late the work of a slot may begin. Milliseconds. */
const lookEvery = 60_000;

interface Work extends Times {
  readonly name: string;
  run(signal: AbortSignal): Promise<Summary>;
}

export class Maintenance implements AsyncDisposable {
  readonly #parts: WorkParts;
  readonly #stop = new AbortController();
  readonly #timers: NodeJS.Timeout[] = [];
  readonly #running = new Set<Promise<void>>();

  /** Begins; of all instances on the storage one does each kind of work once an interval. */
  constructor(parts: WorkParts) {
    this.#parts = parts;
    for (const work of worksOf(parts)) this.#schedule(work);
  }

  /** Waits until what runs has stopped, at a point where it may; another instance takes it up, or this one later. */
  async [Symbol.asyncDispose](): Promise<void> {
    for (const timer of this.#timers) clearInterval(timer);
    this.#stop.abort();
    await this.settled();
  }

  /** Waits for what has begun. */
  async settled(): Promise<void> {
    await Promise.all(this.#running);
  }

  #schedule(work: Work): void {
    let busy = false;
    let seen: number | undefined;
    const look = async () => {
      const slot = slotAt(Date.now(), work);
      if (busy || slot === seen) return;
      busy = true;
      try {
        const isOurs = await claimSlot(this.#parts.storage, work.name, slot);
        seen = slot;
        if (isOurs) await this.#run(work, slot);
      } catch (error) {
        this.#parts.logger.error("maintenance failed", { work: work.name, error: String(error) });
      }
      busy = false;
    };
    const start = () => {
      const running = look().finally(() => this.#running.delete(running));
      this.#running.add(running);
    };
    this.#timers.push(setInterval(start, Math.min(work.interval, lookEvery)).unref());
  }

  async #run(work: Work, slot: number): Promise<void> {
    const { logger, metrics, storage } = this.#parts;
    const begun = performance.now();
    const ended = (result: "done" | "failed" | "stopped") => {
      const seconds = Math.round(performance.now() - begun) / 1000;
      metrics.maintenanceRuns.add(1, work.name, result);
      metrics.maintenanceSeconds.set(seconds, work.name);
      return seconds;
    };
    try {
      const summary = await work.run(this.#stop.signal);
      const seconds = ended("done");
      metrics.maintenanceLast.set(Math.floor(Date.now() / 1000), work.name);
      logger.info("maintenance done", { work: work.name, ...summary, seconds });
    } catch (error) {
      if (!this.#stop.signal.aborted) {
        ended("failed");
        throw error;
      }
      ended("stopped");
      logger.info("maintenance stopped", { work: work.name });
      await releaseSlot(storage, work.name, slot);
    }
  }
}

function worksOf(parts: WorkParts): readonly Work[] {
  const { gc, fsck, storage } = parts.config;
  const { readonly, uploadpurging } = storage.maintenance;
  if (readonly.enabled) return [];
  const works: Work[] = [];
  const add = (name: string, interval: number | undefined, at: number | undefined, run: Work["run"]) => {
    if (interval !== undefined && interval > 0) works.push({ name, interval, at, run });
  };
  add("garbage-collection", gc.interval, gc.at, (signal) => collectWork(parts, signal));
  add("fsck", fsck.interval, fsck.at, (signal) => fsckWork(parts, signal));
  add("proxy-eviction", evictionInterval(parts.config), undefined, (signal) => evictWork(parts, signal));
  // Garbage collection removes uploads as well.
  if (uploadpurging.enabled && !gc.interval)
    add("upload-purging", uploadpurging.interval, undefined, (signal) =>
      purgeUploads(parts, Date.now(), signal),
    );
  return works;
}
