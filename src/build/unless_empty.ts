/** Whether a tar holds anything, before anything is made for it. */
import { peek, type ByteSource } from "../bytes/index.ts";

const blockSize = 512;

/** The same tar; undefined, with the source closed, if it begins with the zeros that end an archive (behaviours B072). */
export async function unlessEmpty(tar: ByteSource): Promise<ByteSource | undefined> {
  const { first, whole, close } = await peek(tar, blockSize);
  if (first.subarray(0, blockSize).some((byte) => byte !== 0)) return whole;
  await close();
  return undefined;
}
