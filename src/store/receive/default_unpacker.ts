/** The worker pool of those who bring none. */
import type { Unpacker } from "./types.ts";

export async function defaultUnpacker(): Promise<Unpacker & AsyncDisposable> {
  const layer = (await import("../../layer/index.ts")) as unknown as {
    UnpackPool: new () => Unpacker & AsyncDisposable;
  };
  return new layer.UnpackPool();
}
