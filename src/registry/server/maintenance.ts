/** Work by the clock, beside requests: garbage collection, uploads that nobody goes on with. */
import { collectGarbage } from "../gc/collect_garbage.ts";
import { decisionText } from "../gc/decision.ts";
import { namesIn, repositoryNames } from "../gc/tree_files.ts";
import type { StorageDriver } from "../storage/types.ts";
import { paths } from "../tree.ts";
import type { ServerConfig } from "./config/read_config.ts";
import type { Logger } from "./log/logger.ts";
import type { ServerMetrics } from "./metrics/server_metrics.ts";

export interface MaintenanceParts {
  readonly config: ServerConfig;
  readonly storage: StorageDriver;
  readonly logger: Logger;
  readonly metrics: ServerMetrics;
}

export class Maintenance implements AsyncDisposable {
  readonly #parts: MaintenanceParts;
  readonly #stop = new AbortController();
  readonly #timers: NodeJS.Timeout[] = [];
  #running: Promise<void> = Promise.resolve();

  /** Begins; each kind of work is first done after its interval. */
  constructor(parts: MaintenanceParts) {
    this.#parts = parts;
    const { gc, storage } = parts.config;
    const { readonly, uploadpurging } = storage.maintenance;
    if (readonly.enabled) return;
    if (gc.interval !== undefined && gc.interval > 0) {
      this.#every(gc.interval, "garbage collection", (signal) => runGarbage(parts, signal));
    } else if (uploadpurging.enabled) {
      this.#every(uploadpurging.interval, "upload purging", (signal) =>
        purgeUploads(parts, Date.now(), signal),
      );
    }
  }

  /** Waits until what runs has stopped, at a point where it may. */
  async [Symbol.asyncDispose](): Promise<void> {
    for (const timer of this.#timers) clearInterval(timer);
    this.#stop.abort();
    await this.#running;
  }

  #every(interval: number, what: string, work: (signal: AbortSignal) => Promise<void>): void {
    let busy = false;
    const run = async () => {
      if (busy) return;
      busy = true;
      await work(this.#stop.signal).catch((error: unknown) => {
        if (!this.#stop.signal.aborted) this.#parts.logger.error(`${what} failed`, { error: String(error) });
      });
      busy = false;
    };
    // Node's timers end at 24.8 days.
    const pause = Math.min(interval, 2 ** 31 - 1);
    this.#timers.push(setInterval(() => (this.#running = run()), pause).unref());
  }
}

async function runGarbage(
  { config, storage, logger, metrics }: MaintenanceParts,
  signal: AbortSignal,
): Promise<void> {
  const { grace, trash, uploads, untagged } = config.gc;
  try {
    for await (const decision of collectGarbage(storage, { grace, trash, uploads, untagged, signal })) {
      metrics.garbage.add(1, decision.action, decision.subject);
      if (decision.action !== "kept") logger.info("garbage collection", { decision: decisionText(decision) });
    }
    metrics.garbageRuns.add(1, "done");
  } catch (error) {
    metrics.garbageRuns.add(1, "failed");
    throw error;
  }
}

/** Removes sessions that began longer ago than the configuration's `age` (distribution's `uploadpurging`). */
export async function purgeUploads(
  { config, storage, logger }: Omit<MaintenanceParts, "metrics">,
  now: number,
  signal: AbortSignal,
): Promise<void> {
  const { age, dryrun } = config.storage.maintenance.uploadpurging;
  for await (const repository of repositoryNames(storage)) {
    for (const upload of await namesIn(storage, `${paths.repository(repository)}/_uploads`)) {
      signal.throwIfAborted();
      const path = paths.upload(repository, upload);
      const started = await storage.read(`${path}/startedat`);
      const time = Date.parse(Buffer.from(started ?? []).toString());
      if (!(time + age < now)) continue;
      logger.info(dryrun ? "upload would be purged" : "upload purged", { repository, upload });
      if (!dryrun) await storage.remove(path);
    }
  }
}
