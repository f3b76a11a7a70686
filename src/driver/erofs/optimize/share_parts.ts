/** Takes out of one layer's tar what an older layer's tar has as well. */
import { existsSync, linkSync, mkdirSync } from "node:fs";
import { setTimeout } from "node:timers/promises";
import { fromText } from "../../../byte_string.ts";
import { Failure, isFailure } from "../../../errors.ts";
import {
  lentDirectory,
  lentTar,
  readShared,
  type SharedRange,
  syncDirectory,
  type TarTarget,
  writeShared,
} from "../../../layer/index.ts";
import * as sys from "../../../sys/index.ts";
import { whileUnmounted } from "../../held_mount.ts";
import { viewPath } from "../../read_only_view.ts";
import type { CacheId } from "../../types.ts";
import type { ErofsLayout } from "../erofs_layout.ts";
import type { ImageMounts } from "../image_mounts.ts";
import { type Blocks, hasData, hasSameData, punch, wholeBlocks } from "./blocks.ts";

/** What the steps of an optimization share. */
export interface Place {
  readonly layout: ErofsLayout;
  readonly images: ImageMounts;
  readonly locks: string;
  readonly step: (step: string) => void;
}

/**
 * Has `more` of the tar of `id` read from elsewhere from now on, on record, and then gives back the blocks of all that
 * is. Undefined, and nothing is taken out, while somebody uses an image with the layer, or reads it.
 *
 * Whoever maps or reads the tar must have read the record as it is now. A mount of an image that was there before is
 * held off by the image's gate; one of an image that came since is looked for again once the record is written; a
 * reader, or a mount that no lock tells of, has the tar open, which the kernel knows.
 * @returns bytes on the disk
 */
export async function shareParts(
  place: Place,
  id: CacheId,
  more: readonly SharedRange[],
): Promise<number | undefined> {
  const { layout, locks } = place;
  const target = layout.target(id);
  let freed: number | undefined;
  const before = imagesOn(layout, id);
  const punchRest = async (): Promise<void> => {
    using open = new DisposableStack();
    const fd = open.adopt(sys.openAt(sys.AT_FDCWD, fromText(target.tar), sys.O_RDWR), sys.close);
    if (await staysOpen(fd)) return;
    if (more.length > 0) record(place, target, more);
    const since = imagesOn(layout, id).filter((image) => !before.includes(image));
    await whileUnmounted(locks, plansOf(place, since), async () => {
      if (!(await staysOpen(fd))) freed = punchShared(place, target, fd);
    });
  };
  if (hasMountedContainer(place, id)) return undefined;
  try {
    await whileUnmounted(locks, plansOf(place, before), punchRest);
  } catch (error) {
    if (!isFailure(error, "conflict")) throw error;
    return undefined;
  }
  return freed;
}

/** Whether the tar is in use; the server of a mount that has just ended needs a moment to see that. */
async function staysOpen(fd: number): Promise<boolean> {
  for (let attempt = 0; attempt < 10; attempt++) {
    if (!sys.isOpenElsewhere(fd)) return false;
    await setTimeout(30);
  }
  return true;
}

/** Layers of images that stand on `id`, and it itself. */
function imagesOn(layout: ErofsLayout, id: CacheId): CacheId[] {
  return allOn(layout, id).filter((name) => !layout.isWritable(name));
}

function allOn(layout: ErofsLayout, id: CacheId): CacheId[] {
  const names = layout.names();
  const parents = new Map(names.map((name) => [name, layout.parent(name)]));
  return names.filter((name) => {
    let at: CacheId | undefined = name;
    while (at !== undefined && at !== id) at = parents.get(at);
    return at === id;
  });
}

function plansOf({ images }: Place, ids: readonly CacheId[]): ReturnType<ImageMounts["plan"]>[] {
  return ids.map((image) => images.plan(image));
}

/** A container may run on while no process of ours has its mount. */
function hasMountedContainer({ layout, locks }: Place, id: CacheId): boolean {
  const mounted = new Set(sys.mountInfo().map(({ mountPoint }) => mountPoint));
  return allOn(layout, id)
    .filter((name) => layout.isWritable(name))
    .some((name) => [layout.merged(name), viewPath(locks, name)].some((path) => mounted.has(fromText(path))));
}

/** Links first: what the record names must be there. */
function record({ layout, step }: Place, target: TarTarget, more: readonly SharedRange[]): void {
  const shared = readShared(target);
  const directory = lentDirectory(target);
  if (!existsSync(directory)) {
    // Where links are, a record must be (shared_ranges.ts).
    writeShared(target, shared);
    step("record");
    mkdirSync(directory, { mode: 0o700 });
  }
  for (const donor of new Set(more.map((range) => range.donor)))
    linkDonor(layout.tar(donor), lentTar(target, donor));
  syncDirectory(directory);
  step("linked");
  writeShared(target, [...shared, ...more]);
  step("shared");
}

function linkDonor(tar: string, link: string): void {
  if (existsSync(link)) return;
  try {
    linkSync(tar, link);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EMLINK") throw error;
    throw new Failure("limit", `cannot share ${tar}: the file system gives it no more names`, {
      cause: error,
    });
  }
}

function punchShared({ step }: Place, target: TarTarget, fd: number): number {
  let freed = 0;
  for (const range of readShared(target)) {
    const blocks = wholeBlocks(range.offset, range.length);
    if (!hasData(fd, blocks) || !isInDonor(target, fd, range, blocks)) continue;
    freed += punch(fd, [blocks]);
    step("punched");
  }
  return freed;
}

/**
 * Whether nothing is lost with these blocks. A repair that was killed leaves the record beside a tar that is whole again:
 * then the donor may be what was damaged.
 */
function isInDonor(target: TarTarget, fd: number, range: SharedRange, blocks: Blocks): boolean {
  using open = new DisposableStack();
  const path = fromText(lentTar(target, range.donor));
  const donor = open.adopt(sys.openAt(sys.AT_FDCWD, path, sys.O_RDONLY), sys.close);
  return hasSameData(fd, blocks, donor, range.donorOffset - range.offset);
}

/** Whether a killed or hindered run has left blocks to be given back. */
export function hasUnpunched(target: TarTarget, shared: readonly SharedRange[]): boolean {
  if (shared.length === 0) return false;
  using open = new DisposableStack();
  const fd = open.adopt(sys.openAt(sys.AT_FDCWD, fromText(target.tar), sys.O_RDONLY), sys.close);
  return shared.some(({ offset, length }) => hasData(fd, wholeBlocks(offset, length)));
}
