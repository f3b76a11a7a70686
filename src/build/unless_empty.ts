/** Whether a tar holds anything, before anything is made for it. */
import type { ByteSource } from "../bytes/index.ts";

const blockSize = 512;

/** The same tar; undefined, with the source closed, if it begins with the zeros that end an archive (behaviours B072). */
export async function unlessEmpty(tar: ByteSource): Promise<ByteSource | undefined> {
  const chunks = tar[Symbol.asyncIterator]();
  let head = Buffer.alloc(0);
  while (head.length < blockSize) {
    const { value, done } = await chunks.next();
    if (done === true) break;
    head = Buffer.concat([head, value]);
  }
  if (head.subarray(0, blockSize).some((byte) => byte !== 0)) return rejoined(head, chunks);
  await chunks.return?.();
  return undefined;
}

async function* rejoined(head: Uint8Array, chunks: AsyncIterator<Uint8Array>): AsyncGenerator<Uint8Array> {
  try {
    yield head;
    for (;;) {
      const { value, done } = await chunks.next();
      if (done === true) return;
      yield value;
    }
  } finally {
    await chunks.return?.();
  }
}
