/** Files of a container as tars, both ways, as in Docker's archive API (moby, daemon/archive.go). */
import { posix } from "node:path";
import type { ByteSource } from "../../../bytes/index.ts";
import { Failure } from "../../../errors.ts";
import type { Store } from "../../../store/index.ts";
import { mountedRoot } from "../mounted_root.ts";
import type { ContainerRecord } from "../record.ts";
import { locate } from "./locate.ts";
import { openPlace, placeTar, statPlace, type PathStat, type Place } from "./place.ts";
import { unpackInto } from "./unpack_into.ts";

export interface ArchiveOptions {
  readonly signal: AbortSignal;
}

/** What `path` is; a symlink at its end is not followed, unless the path ends with a slash. */
export async function statPath(store: Store, record: ContainerRecord, path: string): Promise<PathStat> {
  await using root = await mountedRoot(store, record);
  using place = placeIn(store, root.path, record, path);
  return needed(place, record);
}

/**
 * The file or directory as a tar whose entries begin with the last name of `path`: with `.` for a directory's content
 * (`a/.`). Throws `Failure("not-found")` in Docker's words.
 */
export async function readArchive(
  store: Store,
  record: ContainerRecord,
  path: string,
  options: ArchiveOptions,
): Promise<{ readonly stat: PathStat; readonly tar: ByteSource }> {
  const stat = await statPath(store, record, path);
  return { stat, tar: archiveOf(store, record, path, options) };
}

async function* archiveOf(
  store: Store,
  record: ContainerRecord,
  path: string,
  options: ArchiveOptions,
): AsyncGenerator<Uint8Array, void, undefined> {
  await using root = await mountedRoot(store, record);
  using place = placeIn(store, root.path, record, path);
  yield* placeTar(place, needed(place, record), options);
}

/**
 * Unpacks a tar into an existing directory of the container or of what is mounted in it, symlinks on the way and at its end followed inside the
 * container. Throws `Failure("not-found")`, `Failure("invalid")` for what is no directory.
 */
export async function writeArchive(
  store: Store,
  record: ContainerRecord,
  directory: string,
  tar: ByteSource,
  options: ArchiveOptions,
): Promise<void> {
  await using root = await mountedRoot(store, record);
  checkDirectory(store, root.path, record, directory);
  const place = locate(store, root.path, record.MountPoints ?? {}, posix.join("/", directory, "/"));
  if (place.readOnly) throw new Failure("invalid", "mounted volume is marked read-only");
  await unpackInto(place.root, place.path, tar, { ...options, keepOwners: true, shownRoot: place.prefix });
}

function checkDirectory(store: Store, root: string, record: ContainerRecord, directory: string): void {
  try {
    using place = placeIn(store, root, record, `${directory}/`);
    void place.name;
  } catch (error) {
    if (!(error instanceof Failure) || error.kind !== "invalid") throw error;
    throw new Failure("invalid", "extraction point is not a directory", { cause: error });
  }
}

function placeIn(store: Store, root: string, record: ContainerRecord, path: string): Place {
  const located = locate(store, root, record.MountPoints ?? {}, path);
  return openPlace(located.root, located.path, (cause) => notFound(record, path, cause), path);
}

function needed(place: Place, record: ContainerRecord): PathStat {
  const stat = statPlace(place);
  if (stat === undefined) throw notFound(record, place.path);
  return stat;
}

function notFound(record: ContainerRecord, path: string, cause?: unknown): Failure {
  const shown = path.replace(/(?<=.)\/$/, "");
  return new Failure("not-found", `Could not find the file ${shown} in container ${record.Name.slice(1)}`, {
    cause,
  });
}
