/** The large image: a Debian system, or what this machine has of one. */
import { lstatSync, readdirSync, readFileSync, readlinkSync, type Stats } from "node:fs";
import { createHash } from "node:crypto";
import { join } from "node:path";
import type { PackedEntry, TarEntry } from "../../src/tar/index.ts";
import { directoryEntry, fileEntry, type ImageRecipe, type LayerRecipe, symlinkEntry } from "./recipe.ts";

export interface Found {
  /** Relative to the root. */
  readonly path: string;
  readonly stats: Stats;
}

/** Of a whole system: all of it. */
export function debianImage(root: string): ImageRecipe {
  const found = [...walk(root, "")];
  return recipeOf("debian", root, found, `Debian system of ${root}`);
}

export function systemSample(quick: boolean): ImageRecipe {
  const sampled = sampleFiles((quick ? 60 : 800) * 2 ** 20);
  return recipeOf("debian", "/", sampled, "sample of this machine's /usr");
}

/**
 * About `wanted` bytes of /usr: each file is in or out by the hash of its path, so that small and large files, programs and
 * texts are mixed as they are on the machine. Very large files would make it depend on what happens to be installed.
 */
export function sampleFiles(wanted: number): Found[] {
  const all = ["usr/bin", "usr/lib", "usr/sbin", "usr/share"].flatMap((top) => [...walk("/", top)]);
  const usable = all.filter(({ stats }) => !stats.isFile() || stats.size < 24 << 20);
  const total = usable.reduce((sum, { stats }) => sum + stats.size, 0);
  const share = Math.min(1, wanted / total);
  const sampled = usable.filter(({ path, stats }) => stats.isDirectory() || fractionOf(path) < share);
  return withoutEmpty(sampled);
}

/** Between 0 and 1, always the same for a path. */
export function fractionOf(path: string): number {
  return createHash("sha256").update(path).digest().readUInt32LE() / 2 ** 32;
}

function withoutEmpty(found: readonly Found[]): Found[] {
  const used = new Set<string>();
  for (const { path, stats } of found) {
    if (stats.isDirectory()) continue;
    for (let end = path.lastIndexOf("/"); end > 0; end = path.lastIndexOf("/", end - 1))
      used.add(path.slice(0, end));
  }
  return found.filter(({ path, stats }) => !stats.isDirectory() || used.has(path));
}

function recipeOf(name: string, root: string, found: readonly Found[], from: string): ImageRecipe {
  const files = found.filter(({ stats }) => stats.isFile());
  const bytes = files.reduce((sum, { stats }) => sum + stats.size, 0);
  const layer: LayerRecipe = () => entries(root, found);
  return {
    name,
    title: `1 layer, ${Math.round(bytes / 1e6)} MB in ${found.length.toLocaleString("en")} entries (${from})`,
    key: `${name}-${keyOf(found)}`,
    layers: [layer],
  };
}

/** The same for the same paths and sizes. */
export function keyOf(found: readonly Found[]): string {
  const list = JSON.stringify(found.map(({ path, stats }) => [path, stats.size]));
  return createHash("sha256").update(list).digest("hex").slice(0, 16);
}

/** Directories before what is in them; names in order. Devices, sockets and what may not be read are left out. */
function* walk(root: string, path: string): Generator<Found> {
  const stats = lstatSync(join(root, path), { throwIfNoEntry: false });
  if (stats === undefined) return;
  if (path !== "" && (stats.isFile() || stats.isSymbolicLink() || stats.isDirectory())) yield { path, stats };
  if (!stats.isDirectory()) return;
  for (const name of readdirSync(join(root, path)).sort())
    yield* walk(root, path === "" ? name : `${path}/${name}`);
}

export function* entries(root: string, found: readonly Found[]): Generator<PackedEntry> {
  for (const { path, stats } of found) {
    const mtime = Math.floor(stats.mtimeMs / 1000);
    const common: Partial<TarEntry> = { mode: stats.mode & 0o7777, uid: stats.uid, gid: stats.gid, mtime };
    const name = Buffer.from(path, "utf8").toString("latin1");
    if (stats.isDirectory()) yield directoryEntry(name, common);
    else if (stats.isFile()) yield fileEntry(name, readFileSync(join(root, path)), common);
    else yield symlinkEntry(name, readlinkSync(join(root, path), "latin1"), common);
  }
}
