/** Writing at the pace of whoever reads. */
import type { Writable } from "node:stream";

/**
 * Writes `bytes`; a stream that takes nothing any more does not get them.
 * @returns undefined while there is room for more, else {@link drained}
 */
export function written(to: Writable, bytes: Uint8Array): Promise<void> | undefined {
  if (to.destroyed || !to.writable || to.write(bytes)) return undefined;
  return drained(to);
}

/** Of a stream that is full: resolves when there is room again, or nobody takes anything any more. */
export function drained(to: Writable): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const done = (): void => {
    to.off("drain", done);
    to.off("close", done);
    resolve();
  };
  to.on("drain", done);
  to.on("close", done);
  return promise;
}
