/** A layer's entry before it has its name: `layerdb/tmp/write-set-<16 hex>/`, as dockerd makes them too. */
import { randomBytes } from "node:crypto";
import { chmodSync, copyFileSync, renameSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";
import { ensureDirectory, makeDirectory, syncPath, writeNew } from "./atomic_write.ts";
import { modes, type StorePaths } from "./paths.ts";
import type { NewLayer } from "./types.ts";

/** Docker's name of the record from which a layer's exact tar is re-assembled. */
export const tarSplitName = "tar-split.json.gz";

/** Writes all files of the entry, and moves the tar-split record there. Nothing is flushed. Returns the directory. */
export async function stageLayer(paths: StorePaths, layer: NewLayer): Promise<string> {
  const staging = join(paths.layerStaging, `write-set-${randomBytes(8).toString("hex")}`);
  await ensureDirectory(dirname(staging), modes.shared);
  makeDirectory(staging, modes.private);
  try {
    if (layer.tarSplit !== undefined) move(layer.tarSplit, join(staging, tarSplitName));
    for (const [name, text] of filesOf(layer)) writeNew(join(staging, name), text, modes.sharedFile);
  } catch (error) {
    rmSync(staging, { recursive: true, force: true });
    throw error;
  }
  return staging;
}

/** Brings what {@link stageLayer} has written to the disk. */
export async function flushStaged(staging: string, layer: NewLayer): Promise<void> {
  const names = filesOf(layer).map(([name]) => name);
  if (layer.tarSplit !== undefined) names.push(tarSplitName);
  await Promise.all(names.map((name) => syncPath(join(staging, name))));
  await syncPath(staging);
}

function filesOf({ cacheId, diffId, size, parent }: NewLayer): [name: string, text: string][] {
  const files: [string, string][] = [
    ["cache-id", cacheId],
    ["diff", diffId],
    ["size", String(size)],
  ];
  return parent === undefined ? files : [...files, ["parent", parent]];
}

/** Moves a file, also from another file system. */
function move(from: string, to: string): void {
  try {
    renameSync(from, to);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EXDEV") throw error;
    copyFileSync(from, to);
    rmSync(from);
  }
  chmodSync(to, modes.sharedFile);
}
