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
 * had come. One part is written while the next gathers, so memory holds two. Throws what the source or `write` threw.
 */
export async function regroup(
  source: ByteSource,
  options: RegroupOptions,
  write: (part: Uint8Array) => Promise<void>,
): Promise<void> {
  const { size, least = 0, first, signal } = options;
  let gathered: Uint8Array[] = first === undefined ? [] : [first];
  let bytes = first?.length ?? 0;
  let writing = Promise.resolve();
  const flush = async (length: number) => {
    const all = gathered.length === 1 ? (gathered[0] as Uint8Array) : Buffer.concat(gathered, bytes);
    gathered = length < bytes ? [all.subarray(length)] : [];
    bytes -= length;
    await writing;
    writing = write(all.subarray(0, length));
    writing.catch(() => undefined); // thrown by the next `await writing`
  };
  try {
    for await (const chunk of abortable(source, signal)) {
      gathered.push(chunk);
      bytes += chunk.length;
      for (let parts = Math.floor((bytes - least) / size); parts > 0; parts--) await flush(size);
    }
  } finally {
    if (bytes > 0) await flush(bytes);
    await writing;
  }
}
