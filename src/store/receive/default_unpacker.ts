/** The worker pool of those who bring none. */
import { UnpackPool } from "../../layer/index.ts";

/** `size` workers, started as they are needed. They do not flush layer by layer: all are flushed at once later. */
export function defaultUnpacker(size: number): UnpackPool {
  return new UnpackPool({ size, sync: false });
}
