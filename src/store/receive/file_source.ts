/** Bytes of a file as a source. */
import type { FileHandle } from "node:fs/promises";
import type { ByteSource } from "../../bytes/index.ts";

const chunkSize = 1 << 20;

/** The bytes of an open file from `offset` on; closes it at the end. The file may have been unlinked meanwhile. */
export async function* fileSource(
  file: Pick<FileHandle, "read" | "close">,
  offset = 0,
): ByteSource & AsyncGenerator<Uint8Array> {
  try {
    for (let position = offset; ;) {
      const buffer = Buffer.allocUnsafeSlow(chunkSize);
      const { bytesRead } = await file.read(buffer, 0, chunkSize, position);
      if (bytesRead === 0) return;
      position += bytesRead;
      yield buffer.subarray(0, bytesRead);
    }
  } finally {
    await file.close();
  }
}

/** No bytes at all. */
// eslint-disable-next-line require-yield
export async function* noBytes(): AsyncGenerator<Uint8Array> {}
