/** Digests of the files of contexts, so that a build reads only what was changed since the one before. */
import { createHash } from "node:crypto";
import { readdirSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";
import { openContentMemory, type ContentMemory } from "../../../build/index.ts";
import { buildCacheFolder } from "../../../store/index.ts";

/** Memories of so many directories are kept, those that were used last. */
const kept = 50;

/** The memory of a context, in the data root. @param name its real path, or what no path is like */
export function contextMemory(root: string, name: string): ContentMemory {
  const hash = createHash("sha256").update(name).digest("hex");
  return openContentMemory(join(memories(root), hash));
}

/** Where `builder prune` and the ledger look, too. */
const memories = (root: string): string => join(buildCacheFolder(root), "contexts");

/** Takes the memories away that were not used for longest. Another build may be doing the same. */
export function trimMemories(root: string): void {
  try {
    const names = readdirSync(memories(root));
    if (names.length <= kept) return;
    const aged = names.map((name) => ({
      path: join(memories(root), name),
      age: -statSync(join(memories(root), name)).mtimeMs,
    }));
    for (const { path } of aged.sort((a, b) => a.age - b.age).slice(kept)) rmSync(path, { force: true });
  } catch {
    // There are none, or one has just gone.
  }
}
