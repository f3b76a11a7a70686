/** Times of files for reproducible layers. */
import type { ByteSource } from "../../bytes/index.ts";
import { packTar, readTar, type PackedEntry } from "../../tar/index.ts";

/**
 * The same tar with no entry later than `epoch` (seconds since 1970), without access times. As it is where there is no
 * epoch. (reproducible-builds.org, SOURCE_DATE_EPOCH: "clamp" only what is later.)
 */
export function clampTimes(tar: ByteSource, epoch: number | undefined): ByteSource {
  return epoch === undefined ? tar : packTar(clamped(tar, epoch));
}

async function* clamped(tar: ByteSource, epoch: number): AsyncGenerator<PackedEntry> {
  for await (const { entry, body } of readTar(tar)) {
    const { atime, atimeNs, ...kept } = entry;
    void atime;
    void atimeNs;
    const late = kept.mtime >= epoch;
    yield { entry: late ? { ...kept, mtime: epoch, mtimeNs: 0 } : kept, body };
  }
}
