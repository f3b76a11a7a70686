/** The exact bytes of a layer whose tar is kept, wherever they lie. */
import { open } from "node:fs/promises";
import { type ByteSource, fromFile } from "../../bytes/index.ts";
import { Failure } from "../../errors.ts";
import type { TarTarget } from "../types.ts";
import { forEachPart, lentTar, readShared } from "./shared_ranges.ts";

/**
 * The tar, byte for byte, as it was received. Read it so, and never the file alone, in which there may be holes.
 * @throws Failure("not-found") without the tar, Failure("corrupt") where a part of it that lies elsewhere is missing
 */
export async function* readKeptTar(
  target: Pick<TarTarget, "tar">,
  { signal }: { readonly signal?: AbortSignal } = {},
): ByteSource & AsyncGenerator<Uint8Array> {
  const { tar } = target;
  const options = signal === undefined ? {} : { signal };
  // Open until the end: nobody takes anything out of a tar that is open (driver/erofs/optimize).
  await using own = await open(tar, "r").catch((error: NodeJS.ErrnoException) => {
    if (error.code !== "ENOENT") throw error;
    throw new Failure("not-found", `${tar} is missing`, { cause: error });
  });
  const ranges = readShared(target);
  if (ranges.length === 0) return yield* fromFile(tar, options);
  for (const { path, offset, length } of placesOf(target, ranges, (await own.stat()).size))
    yield* fromFile(path, { offset, length, ...options });
}

interface Place {
  readonly path: string;
  readonly offset: number;
  readonly length: number;
}

function placesOf(
  target: Pick<TarTarget, "tar">,
  ranges: Parameters<typeof forEachPart>[0],
  size: number,
): Place[] {
  const places: Place[] = [];
  forEachPart(ranges, 0, size, (from, to, range) => {
    const length = to - from;
    if (range === undefined) return places.push({ path: target.tar, offset: from, length });
    const offset = range.donorOffset + from - range.offset;
    return places.push({ path: lentTar(target, range.donor), offset, length });
  });
  return places;
}
