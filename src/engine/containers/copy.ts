/**
 * `cp`'s half inside the container: paths are resolved by the kernel inside the container's root, so a symlink of the
 * container's never leads to the host's files (as in Docker's archive API; moby, daemon/archive_unix.go).
 */
import { posix } from "node:path";
import { fromText, toText } from "../../byte_string.ts";
import type { ByteSource } from "../../bytes/index.ts";
import { Failure, isFailure } from "../../errors.ts";
import { LayerApplier, treeTar } from "../../layer/index.ts";
import type { Store } from "../../store/index.ts";
import * as sys from "../../sys/index.ts";
import { packTar, readTar, TarParser, type PackedEntry, type TarEntry } from "../../tar/index.ts";
import type { ContainerRecord } from "./record.ts";

export interface ArchiveOptions {
  readonly signal: AbortSignal;
}

/** What Docker's API sends as `X-Docker-Container-Path-Stat`. */
export interface PathStat {
  readonly name: string;
  readonly kind: "file" | "directory" | "symlink" | "other";
  /** Bytes. */
  readonly size: number;
  /** Permission bits. */
  readonly mode: number;
  /** Seconds since 1970. */
  readonly mtime: number;
  /** Target of a symlink, verbatim; else "". */
  readonly linkTarget: string;
}

/** What `path` is; a symlink at its end is not followed, unless the path ends with a slash. */
export async function statPath(store: Store, record: ContainerRecord, path: string): Promise<PathStat> {
  await using root = await store.containers.mount(record.ID);
  using place = openPlace(root.path, path);
  return statOf(place);
}

/** The file or directory as a tar whose entries begin with its own name. */
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
  await using root = await store.containers.mount(record.ID);
  using place = openPlace(root.path, path);
  yield* placeTar(place, options);
}

/** A file or directory of this machine as such a tar. */
export async function* localArchive(
  path: string,
  options: ArchiveOptions,
): AsyncGenerator<Uint8Array, void, undefined> {
  using place = openPlace("/", posix.resolve(path) + (path.endsWith("/") ? "/" : ""));
  yield* placeTar(place, options);
}

/** Unpacks a tar into an existing directory of the container. */
export async function writeArchive(
  store: Store,
  record: ContainerRecord,
  directory: string,
  tar: ByteSource,
  options: ArchiveOptions,
): Promise<void> {
  await using root = await store.containers.mount(record.ID);
  await unpackInto(root.path, directory, tar, { ...options, keepOwners: true });
}

/** Unpacks a tar into an existing directory of this machine; owners are kept only when asked for. */
export function unpackLocally(
  directory: string,
  tar: ByteSource,
  options: ArchiveOptions & { readonly keepOwners: boolean },
): Promise<void> {
  return unpackInto(posix.resolve(directory), "/", tar, options);
}

async function unpackInto(
  root: string,
  directory: string,
  tar: ByteSource,
  options: ArchiveOptions & { readonly keepOwners: boolean },
): Promise<void> {
  const inside = posix.join("/", directory).slice(1);
  const ownership = options.keepOwners && sys.geteuid() === 0 ? "exact" : "best-effort";
  using applier = new LayerApplier({ directory: root, whiteouts: "remove", ownership });
  const parser = new TarParser({
    entry: (entry) => applier.entry(placed(entry, inside, options.keepOwners)),
    data: (chunk, offset) => applier.data(chunk, offset),
    endEntry: () => applier.endEntry(),
  });
  for await (const chunk of tar) {
    options.signal.throwIfAborted();
    parser.write(chunk);
  }
  parser.end();
  applier.finish();
}

/** The entry below `inside`. A name that a layer would read as a whiteout is refused rather than obeyed. */
function placed(entry: TarEntry, inside: string, keepOwners: boolean): TarEntry {
  if (posix.basename(entry.path).startsWith(".wh.")) {
    throw new Failure(
      "unsupported",
      `cannot copy ${toText(entry.path)}: names that begin with .wh. mean deletion in layers`,
    );
  }
  const below = (path: string): string => posix.join(fromText(inside), posix.join("/", path));
  const owner = keepOwners ? {} : { uid: sys.geteuid(), gid: process.getegid?.() ?? 0 };
  const linkPath = entry.type === "hardlink" ? below(entry.linkPath) : entry.linkPath;
  return { ...entry, ...owner, path: below(entry.path), linkPath };
}

/** A name in an open directory inside of some root. */
interface Place extends Disposable {
  readonly parent: number;
  readonly name: string;
}

function openPlace(root: string, path: string): Place {
  const inside = posix.join("/", path);
  const follow = inside.endsWith("/");
  const rootFd = sys.openAt(sys.AT_FDCWD, fromText(root), sys.O_PATH | sys.O_DIRECTORY);
  try {
    const [directory, name] = follow ? [inside, "."] : [posix.dirname(inside), posix.basename(inside)];
    const parent = sys.openIn(rootFd, fromText(directory), sys.O_PATH | sys.O_DIRECTORY);
    const shown = follow ? posix.basename(inside) : name;
    return { parent, name: shown === "" || follow ? "." : shown, [Symbol.dispose]: () => sys.close(parent) };
  } catch (error) {
    if (!isFailure(error, "not-found")) throw error;
    throw new Failure("not-found", `Could not find the file ${path} in container`, { cause: error });
  } finally {
    sys.close(rootFd);
  }
}

function statOf(place: Place): PathStat {
  const name = fromText(place.name);
  const stat = sys.statAtIfExists(place.parent, name);
  if (stat === undefined)
    throw new Failure("not-found", `Could not find the file ${place.name} in container`);
  const type = stat.mode & sys.S_IFMT;
  const kinds = new Map<number, PathStat["kind"]>([
    [sys.S_IFREG, "file"],
    [sys.S_IFDIR, "directory"],
    [sys.S_IFLNK, "symlink"],
  ]);
  return {
    name: place.name,
    kind: kinds.get(type) ?? "other",
    size: stat.size,
    mode: stat.mode & 0o7777,
    mtime: stat.mtime,
    linkTarget: type === sys.S_IFLNK ? toText(sys.readlinkAt(place.parent, name)) : "",
  };
}

async function* placeTar(place: Place, options: ArchiveOptions): AsyncGenerator<Uint8Array, void, undefined> {
  yield* packTar(placeEntries(place, statOf(place), options), { nanoseconds: true });
}

async function* placeEntries(
  place: Place,
  stat: PathStat,
  options: ArchiveOptions,
): AsyncGenerator<PackedEntry, void, undefined> {
  const full = sys.statAt(place.parent, fromText(place.name));
  const head: TarEntry = {
    path: fromText(place.name),
    type: "file",
    linkPath: "",
    mode: stat.mode,
    uid: full.uid,
    gid: full.gid,
    uname: "",
    gname: "",
    size: 0,
    mtime: full.mtime,
    mtimeNs: full.mtimeNs,
    devMajor: 0,
    devMinor: 0,
  };
  switch (stat.kind) {
    case "symlink":
      yield { entry: { ...head, type: "symlink", linkPath: fromText(stat.linkTarget) } };
      return;
    case "file":
      yield { entry: { ...head, size: stat.size }, body: contentOf(place, stat.size) };
      return;
    case "directory":
      yield { entry: { ...head, path: `${head.path}/`, type: "directory" } };
      yield* below(place, options);
      return;
    case "other":
      throw new Failure("unsupported", `cannot copy ${stat.name}: it is neither file, directory nor symlink`);
  }
}

async function* below(place: Place, options: ArchiveOptions): AsyncGenerator<PackedEntry, void, undefined> {
  const name = fromText(place.name);
  const fd = sys.openAt(place.parent, name, sys.O_RDONLY | sys.O_DIRECTORY | sys.O_NOFOLLOW);
  try {
    // The descriptor names the directory that was found, wherever its path leads by now.
    for await (const { entry, body } of readTar(treeTar(`/proc/self/fd/${fd}`, options))) {
      const linkPath = entry.type === "hardlink" ? posix.join(name, entry.linkPath) : entry.linkPath;
      yield { entry: { ...entry, path: `${name}/${entry.path}`, linkPath }, body };
    }
  } finally {
    sys.close(fd);
  }
}

const readSize = 1 << 20;

async function* contentOf(place: Place, size: number): AsyncGenerator<Uint8Array, void, undefined> {
  const fd = sys.openAt(place.parent, fromText(place.name), sys.O_RDONLY | sys.O_NOFOLLOW);
  try {
    for (let left = size; left > 0;) {
      const buffer = Buffer.allocUnsafe(Math.min(readSize, left));
      const count = sys.read(fd, buffer, 0, buffer.length);
      if (count === 0) throw new Failure("corrupt", `${place.name} shrank while it was copied`);
      left -= count;
      yield buffer.subarray(0, count);
    }
  } finally {
    sys.close(fd);
  }
}
