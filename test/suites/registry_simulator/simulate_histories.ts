/** Many histories, on as many threads as there are processors. */
import { once } from "node:events";
import { availableParallelism } from "node:os";
import { Worker } from "node:worker_threads";

export interface HistoryRange {
  /** Seed of the first. */
  readonly first: number;
  readonly count: number;
  /** Every how manieth this thread takes. */
  readonly step: number;
}

export interface HistorySum {
  histories: number;
  steps: number;
  pushes: number;
  pulls: number;
  collections: number;
  crashes: number;
  failed?: { readonly seed: number; readonly violations: readonly string[] };
}

/** Goes through the histories of the seeds from `first` on; each thread stops at its first that fails. */
export async function simulateHistories(first: number, count: number): Promise<HistorySum[]> {
  const threads = Math.min(count, availableParallelism(), 8);
  return Promise.all(
    Array.from({ length: threads }, async (_, i) => {
      const workerData: HistoryRange = { first: first + i, count: count - i, step: threads };
      const worker = new Worker(new URL("./history_worker.ts", import.meta.url), { workerData });
      const [sum] = (await once(worker, "message")) as [HistorySum];
      return sum;
    }),
  );
}
