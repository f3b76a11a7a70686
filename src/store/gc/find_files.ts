/** Files that nothing refers to: staging, unfinished downloads, temporary files, links that lead nowhere. */
import { lstatSync, readdirSync, existsSync } from "node:fs";
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { temporaryPrefix } from "../atomic_write.ts";
import { cacheMountsFolder } from "../build_cache/cache_folder.ts";
import { manifestsFolder } from "../manifests.ts";
import { storePaths, type StorePaths } from "../paths.ts";
import { listIfThere } from "../read_small.ts";
import { readSessions, type Session } from "../sessions.ts";
import type { Store } from "../types.ts";
import { endMountsIn } from "./end_unused_mounts.ts";
import { isOld } from "./find_references.ts";
import type { Garbage } from "./types.ts";

export interface FindFilesOptions {
  /** Milliseconds. */
  readonly grace: number;
  readonly partialAge: number;
}

/** All such files of the store. */
export async function findFiles(
  store: Store,
  session: Session,
  options: FindFilesOptions,
): Promise<Garbage[]> {
  const paths = storePaths(store.root, store.driver.name);
  return [
    ...(await deadSessions(store, session)),
    ...staging(paths, options.grace),
    ...(await partials(store, options.partialAge)),
    ...temporaryFiles(paths, options.grace),
    ...(await strayManifests(store, options.grace)),
    ...(store.driver.name === "overlay2" ? danglingLinks(paths, options.grace) : []),
  ];
}

async function deadSessions(store: Store, own: Session): Promise<Garbage[]> {
  const { dead } = await readSessions(store, own);
  return dead.map(({ directory }) => {
    const garbage = file("session", directory, "its process died");
    const remove = (): Promise<void> => {
      endMountsIn(directory);
      return garbage.remove();
    };
    return { ...garbage, remove };
  });
}

/** Entries on their way into layerdb or out of it. Both take moments: an old one has no maker any more. */
function staging({ layerStaging, layers }: StorePaths, grace: number): Garbage[] {
  const entering = listIfThere(layerStaging).map((name) => join(layerStaging, name));
  const leaving = listIfThere(layers)
    .filter((name) => name.endsWith("-removing"))
    .map((name) => join(layers, name));
  return [...entering, ...leaving]
    .filter((path) => isOld(path, grace))
    .map((path) => file("layer entry", path, "its registration or removal was never finished"));
}

async function partials(store: Store, age: number): Promise<Garbage[]> {
  return (await store.blobs.list())
    .filter(({ partial }) => partial)
    .map(({ digest }) => store.blobs.partialPath(digest))
    .filter((path) => isOld(path, age))
    .map((path) => file("partial download", path, "nobody went on with it for a long time"));
}

/** What atomic_write.ts leaves when it is killed between its steps. */
function temporaryFiles({ root, images, own, layers }: StorePaths, grace: number): Garbage[] {
  const apart = new Set([layers, cacheMountsFolder(root)]);
  return [...walkTemporary(images, apart), ...walkTemporary(own, apart)]
    .filter((path) => isOld(path, grace))
    .map((path) => file("temporary file", path, "the write that it belongs to was never finished"));
}

/** `apart`: layers' directories hold no such files, and are many; what a step keeps in its cache is not ours to judge. */
function* walkTemporary(folder: string, apart: ReadonlySet<string>): Generator<string> {
  if (apart.has(folder) || !existsSync(folder)) return;
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) yield* walkTemporary(path, apart);
    else if (entry.name.startsWith(temporaryPrefix)) yield path;
  }
}

/** Kept manifests and metadata of images that are gone. */
async function strayManifests(store: Store, grace: number): Promise<Garbage[]> {
  const { configMetadata } = storePaths(store.root, store.driver.name);
  const images = new Set<string>((await store.images.list()).map((id) => id.slice("sha256:".length)));
  return [manifestsFolder(store), configMetadata].flatMap((folder) =>
    listIfThere(folder)
      .filter((name) => !images.has(name))
      .map((name) => join(folder, name))
      .filter((path) => isOld(path, grace))
      .map((path) => file("image metadata", path, "its image is gone")),
  );
}

/** Short names of layers (behaviours B147) whose directory is gone. */
function danglingLinks({ driver }: StorePaths, grace: number): Garbage[] {
  const folder = join(driver, "l");
  return listIfThere(folder)
    .map((name) => join(folder, name))
    .filter((path) => isDangling(path) && Date.now() - lstatSync(path).ctimeMs >= grace)
    .map((path) => file("short link", path, "the directory that it names is gone"));
}

function isDangling(path: string): boolean {
  return lstatSync(path, { throwIfNoEntry: false })?.isSymbolicLink() === true && !existsSync(path);
}

function file(kind: string, path: string, reason: string): Garbage {
  return {
    kind,
    what: path,
    reason,
    paths: [path],
    remove: () => rm(path, { recursive: true, force: true }),
  };
}
