/** Keeps large files that several layers have once: in the oldest of them, of which the others then have a part. */
import { statSync } from "node:fs";
import { fromText } from "../../../byte_string.ts";
import { throwIfCancelled } from "../../../bytes/index.ts";
import { Failure, isFailure } from "../../../errors.ts";
import { readShared, type SharedRange, type TarTarget } from "../../../layer/index.ts";
import * as sys from "../../../sys/index.ts";
import type { CacheId, Optimized, OptimizedLayer, OptimizeOptions } from "../../types.ts";
import { type Blocks, mustPunch, punch, wholeBlocks } from "./blocks.ts";
import { type Content, ContentIndex, contentsOf, overlaps } from "./contents.ts";
import { dropUnneededLinks, inodeOf, lentTars } from "./lent.ts";
import { Donors } from "./donors.ts";
import { hasUnpunched, type Place, shareParts } from "./share_parts.ts";

interface Layer {
  readonly id: CacheId;
  readonly target: TarTarget;
  readonly shared: readonly SharedRange[];
  readonly contents: readonly Content[];
}

/**
 * Goes through the layers, the oldest first. What a layer has from another one it does not lend, and what it lends it
 * does not take from another one: so every part that is had lies in the tar that is linked.
 */
export async function optimizeLayers(place: Place, options: OptimizeOptions): Promise<Optimized> {
  const { signal, dryRun } = options;
  const done: OptimizedLayer[] = [];
  const layers = readLayers(place, options, done);
  if (layers.length === 0) return { layers: done, remains: 0 };
  mustPunch(place.layout.home);
  const index = new ContentIndex();
  const lent = lentTars(place.layout);
  for (const layer of layers) {
    throwIfCancelled(signal);
    options.onLayer?.(layer.id);
    const inode = inodeOf(layer.target.tar);
    const needed = (inode === undefined ? undefined : lent.get(inode)?.ranges) ?? [];
    const outcome = await unlessDamaged(layer.id, async () => {
      const found = await findShared(layer, index, needed, signal);
      return optimizeLayer(place, layer, found, dryRun);
    });
    if (outcome !== undefined) done.push(outcome);
    addDonors(index, layer);
  }
  return { layers: done, remains: dryRun ? 0 : shrinkRemains(place) };
}

async function unlessDamaged(
  id: CacheId,
  work: () => Promise<OptimizedLayer | undefined>,
): Promise<OptimizedLayer | undefined> {
  try {
    return await work();
  } catch (error) {
    if (!isFailure(error, "corrupt")) throw error;
    return { id, files: 0, bytes: 0, outcome: "damaged" };
  }
}

/** What the layer has itself, and will have: what is on record may have its blocks yet, and lose them next time. */
function addDonors(index: ContentIndex, { target, contents }: Layer): void {
  try {
    const shared = readShared(target);
    for (const content of contents) if (!overlaps(shared, content.offset, content.length)) index.add(content);
  } catch (error) {
    if (!isFailure(error, "corrupt")) throw error;
  }
}

function readLayers({ layout }: Place, options: OptimizeOptions, done: OptimizedLayer[]): Layer[] {
  const layers: Layer[] = [];
  for (const id of oldestFirst(options.layers, (layer) => layout.target(layer).catalog)) {
    const target = layout.target(id);
    try {
      if (inodeOf(target.tar) === undefined) throw new Failure("corrupt", `${target.tar} is missing`);
      if (!options.dryRun) dropUnneededLinks(target);
      const shared = readShared(target);
      layers.push({ id, target, shared, contents: contentsOf(id, target, shared, options.minSize) });
    } catch (error) {
      if (!isFailure(error, "corrupt")) throw error;
      done.push({ id, files: 0, bytes: 0, outcome: "damaged" });
    }
  }
  return layers;
}

/** By when the layer came: its tar's own time changes when something is taken out. */
function oldestFirst(ids: readonly CacheId[], pathOf: (id: CacheId) => string): CacheId[] {
  const times = new Map(ids.map((id) => [id, statSync(pathOf(id), { throwIfNoEntry: false })?.mtimeMs ?? 0]));
  const timeOf = (id: CacheId): number => times.get(id) as number;
  return ids.toSorted((a, b) => timeOf(a) - timeOf(b) || (a < b ? -1 : 1));
}

/** Which of the layer's contents others have. */
async function findShared(
  layer: Layer,
  index: ContentIndex,
  lent: readonly Blocks[],
  signal: AbortSignal,
): Promise<SharedRange[]> {
  const found: SharedRange[] = [];
  const donors = new Donors(layer);
  for (const content of layer.contents) {
    const { offset, length } = content;
    throwIfCancelled(signal);
    if (overlaps(lent, offset, length)) continue;
    const donor = await index.find(content, (each) => donors.mayGive(each), signal);
    if (donor === undefined) continue;
    donors.add(donor);
    found.push({ offset, length, donor: donor.layer, donorOffset: donor.offset });
  }
  return found;
}

async function optimizeLayer(
  place: Place,
  { id, target, shared }: Layer,
  found: readonly SharedRange[],
  dryRun: boolean,
): Promise<OptimizedLayer | undefined> {
  if (found.length === 0 && !hasUnpunched(target, shared)) return undefined;
  const bytes = found.reduce((sum, { offset, length }) => sum + wholeBlocks(offset, length).length, 0);
  const could = { id, files: found.length, bytes };
  if (dryRun) return { ...could, outcome: "dry run" };
  const freed = await shareParts(place, id, found);
  return freed === undefined ? { ...could, outcome: "in use" } : { ...could, bytes: freed, outcome: "done" };
}

/** Of tars whose layer is gone only that is kept which other layers have of them. */
function shrinkRemains({ layout, step }: Place): number {
  let freed = 0;
  for (const { path, links, holders, ranges } of lentTars(layout).values()) {
    if (links > holders) continue;
    using open = new DisposableStack();
    const fd = open.adopt(sys.openAt(sys.AT_FDCWD, fromText(path), sys.O_RDWR), sys.close);
    // Somebody may still send the layer that was removed.
    if (sys.isOpenElsewhere(fd)) continue;
    freed += punch(fd, between(ranges, sys.fstat(fd).size));
    step("shrunk");
  }
  return freed;
}

/** Whole blocks of a file of `size` bytes that lie in none of `ranges`. */
function between(ranges: readonly Blocks[], size: number): Blocks[] {
  const parts: Blocks[] = [];
  let at = 0;
  for (const { offset, length } of ranges.toSorted((a, b) => a.offset - b.offset)) {
    parts.push(wholeBlocks(at, offset - at));
    at = Math.max(at, offset + length);
  }
  // To the end of the last block, of which the file may have a part only.
  parts.push(wholeBlocks(at, size + 4095 - at));
  return parts.filter(({ length }) => length > 0);
}
