/** The worker pool of those who bring none. */
import { availableParallelism } from "node:os";
import { UnpackPool } from "../../layer/index.ts";
import type { Unpacker } from "./types.ts";

/** More workers than this wait for the disk, not for each other. */
const mostWorkers = 4;

/** One worker a core; each starts when a layer needs it. */
export function defaultUnpacker(): Unpacker & AsyncDisposable {
  return new UnpackPool({ size: Math.min(mostWorkers, availableParallelism()) });
}
