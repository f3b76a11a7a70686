/** Cuts a stream into parts that a store takes, and keeps what came when the stream fails. */
import { abortable, type ByteSource } from "../../../bytes/index.ts";

export interface RegroupOptions {
  /** Bytes that go ahead of the source. */
  readonly first?: Uint8Array;
  /** Bytes a part. */
  readonly size: number;
  /** The last part is cut off only where at least so many bytes follow: it becomes larger instead of two. */
  readonly least?: number;
  readonly signal: AbortSignal;
}

/**
 * Calls `write` with one part after the other, the last one too, even if the source fails: an upload goes on with what
 * had come. One part is written while the next gathers, in two buffers that take turns: a part is the callee's until its
 * promise settles, and no longer. Throws what the source or `write` threw.
 */
export async function regroup(
  source: ByteSource,
  options: RegroupOptions,
  write: (part: Uint8Array) => Promise<void>,
): Promise<void> {
  const { size, least = 0, first, signal } = options;
  let [gathering, other] = [new Uint8Array(), new Uint8Array()];
  let filled = 0;
  let writing = Promise.resolve();
  const flush = async (length: number) => {
    await writing;
    const part = gathering.subarray(0, length);
    const rest = gathering.subarray(length, filled);
    if (other.length === 0 && rest.length > 0) other = Buffer.allocUnsafeSlow(size + least);
    other.set(rest);
    [gathering, other] = [other, gathering];
    filled = rest.length;
    writing = write(part);
    writing.catch(() => undefined); // thrown by the next `await writing`
  };
  const take = async (chunk: Uint8Array) => {
    for (let at = 0; at < chunk.length;) {
      if (gathering.length === 0) gathering = Buffer.allocUnsafeSlow(size + least);
      const piece = chunk.subarray(at, at + gathering.length - filled);
      gathering.set(piece, filled);
      at += piece.length;
      filled += piece.length;
      if (filled === gathering.length) await flush(size);
    }
  };
  try {
    if (first !== undefined) await take(first);
    for await (const chunk of abortable(source, signal)) await take(chunk);
  } finally {
    if (filled > 0) await flush(filled);
    await writing;
  }
}
