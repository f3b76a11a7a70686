/** Whether `ADD` unpacks a file. */
import { type ByteSource, decompress } from "../../bytes/index.ts";
import { isFailure } from "../../errors.ts";
import { readTar } from "../../tar/index.ts";

/**
 * Decided by content, as in Docker: a tar, compressed or not, whose first header can be read. An empty tar is none.
 * Throws `Failure("unsupported")` where bzip2 or xz is needed and not installed, and whatever the source throws.
 */
export async function isArchive(content: ByteSource): Promise<boolean> {
  try {
    for await (const _ of readTar(decompress(content))) return true;
    return false;
  } catch (error) {
    if (isFailure(error, "corrupt")) return false;
    throw error;
  }
}
