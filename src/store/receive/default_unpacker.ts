/** The worker pool of those who bring none. */
import { availableParallelism } from "node:os";
import { UnpackPool } from "../../layer/index.ts";

/**
 * At most `size` workers and one a core, started as they are needed: each costs some 50 MB, and downloads do not wait
 * for them. They do not flush layer by layer: all layers are flushed at once later.
 */
export function defaultUnpacker(size: number): UnpackPool {
  return new UnpackPool({ size: Math.min(size, availableParallelism()), sync: false });
}
