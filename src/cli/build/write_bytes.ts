import { pipeline } from "node:stream/promises";
import type { WriteStream } from "node:tty";
import type { ByteSource } from "../../bytes/index.ts";

/** Writes all of it, at the pace of the reader; the stream stays open. */
export async function writeBytes(stream: WriteStream, bytes: ByteSource): Promise<void> {
  await pipeline(bytes, stream, { end: false });
}
