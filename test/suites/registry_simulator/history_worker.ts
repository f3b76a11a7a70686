/** A thread that goes through histories: the test runner's bookkeeping of every promise would double their cost. */
import { parentPort, workerData } from "node:worker_threads";
import { simulateRegistry } from "./simulate_registry.ts";
import type { HistoryRange, HistorySum } from "./simulate_histories.ts";

const { first, count, step } = workerData as HistoryRange;
const sum: HistorySum = { histories: 0, steps: 0, pushes: 0, pulls: 0, collections: 0, crashes: 0 };
for (let seed = first; seed < first + count && sum.failed === undefined; seed += step) {
  const { violations, ...counts } = await simulateRegistry(seed);
  sum.histories += 1;
  sum.steps += counts.steps;
  sum.pushes += counts.pushes;
  sum.pulls += counts.pulls;
  sum.collections += counts.collections;
  sum.crashes += counts.crashes;
  if (violations.length > 0) sum.failed = { seed, violations };
}
// oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread's port, not a window
parentPort?.postMessage(sum);
