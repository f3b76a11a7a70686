/** What `cp` copies out of a container, as a tar: a file, or a directory with what is mounted below it. */
import { statSync } from "node:fs";
import { posix } from "node:path";
import { fromText, toText, type ByteString } from "../../../byte_string.ts";
import { Failure, isFailure } from "../../../errors.ts";
import { treeTar } from "../../../layer/index.ts";
import * as sys from "../../../sys/index.ts";
import { packTar, readTar, type PackedEntry, type TarEntry } from "../../../tar/index.ts";
import { openPlace, statPlace, type PathStat, type Place } from "./place.ts";

/** Something that a container has mounted below a place. */
export interface MountedBelow {
  /** From the place to where it is mounted. */
  readonly path: string;
  readonly root: string;
  /** Below that root. */
  readonly inside: string;
}

interface TarOptions {
  readonly signal: AbortSignal;
  /** What the tar has in the place of what lies there. Default: nothing. */
  readonly mounted?: readonly MountedBelow[];
}

/** The place as a tar whose entries begin with the name that it shows. */
export async function* placeTar(
  place: Place,
  stat: PathStat,
  options: TarOptions,
): AsyncGenerator<Uint8Array, void, undefined> {
  yield* packTar(placeEntries(place, stat, options), { nanoseconds: true });
}

async function* placeEntries(
  place: Place,
  stat: PathStat,
  options: TarOptions,
): AsyncGenerator<PackedEntry, void, undefined> {
  const head = headOf(place, stat);
  switch (stat.kind) {
    case "symlink":
      yield { entry: { ...head, type: "symlink", linkPath: fromText(stat.linkTarget) } };
      return;
    case "file":
      yield { entry: { ...head, size: stat.size }, body: contentOf(place, stat.size) };
      return;
    case "directory":
      yield { entry: { ...head, path: inside(head.path, ""), type: "directory" } };
      yield* below(place, options);
      yield* mountedEntries(place, options);
      return;
    case "other":
      yield { entry: { ...head, ...specialOf(place) } };
  }
}

function headOf(place: Place, stat: PathStat): TarEntry {
  const { uid, gid, mtime, mtimeNs } = sys.statAt(place.parent, fromText(place.name));
  return {
    path: fromText(place.shown),
    type: "file",
    linkPath: "",
    mode: stat.mode,
    uid,
    gid,
    uname: "",
    gname: "",
    size: 0,
    mtime,
    mtimeNs,
    devMajor: 0,
    devMinor: 0,
  };
}

/** The root is `/` itself, and what it holds `/bin`. */
function inside(directory: ByteString, path: ByteString): ByteString {
  return directory.endsWith("/") ? `${directory}${path}` : `${directory}/${path}`;
}

/** @throws Failure("unsupported") for a socket, of which a tar knows nothing */
function specialOf(place: Place): Pick<TarEntry, "type" | "devMajor" | "devMinor"> {
  const { rdevMajor: devMajor, rdevMinor: devMinor } = sys.statAt(place.parent, fromText(place.name));
  const type = specialType(place);
  if (type !== undefined) return { type, devMajor, devMinor };
  throw new Failure("unsupported", `cannot copy ${place.path}: sockets not supported`);
}

function specialType(place: Place): TarEntry["type"] | undefined {
  return specialTypes.get(sys.statAt(place.parent, fromText(place.name)).mode & sys.S_IFMT);
}

const specialTypes: ReadonlyMap<number, TarEntry["type"]> = new Map([
  [sys.S_IFIFO, "fifo"],
  [sys.S_IFCHR, "char"],
  [sys.S_IFBLK, "block"],
]);

async function* below(
  place: Place,
  { signal, mounted = [] }: TarOptions,
): AsyncGenerator<PackedEntry, void, undefined> {
  const covered = mounted.map(({ path }) => fromText(path));
  const shown = fromText(place.shown);
  const flags = sys.O_RDONLY | sys.O_DIRECTORY | sys.O_NOFOLLOW;
  const fd = sys.openAt(place.parent, fromText(place.name), flags);
  try {
    // The descriptor names the directory that was found, wherever its path leads by now.
    for await (const { entry, body } of readTar(treeTar(`/proc/self/fd/${fd}`, { signal }))) {
      if (covered.some((path) => `${entry.path}/`.startsWith(`${path}/`))) continue;
      const linkPath = entry.type === "hardlink" ? inside(shown, entry.linkPath) : entry.linkPath;
      yield { entry: { ...entry, path: inside(shown, entry.path), linkPath }, body };
    }
  } finally {
    sys.close(fd);
  }
}

/** What is not there is left out, and so are sockets. */
async function* mountedEntries(
  place: Place,
  { signal, mounted = [] }: TarOptions,
): AsyncGenerator<PackedEntry, void, undefined> {
  for (const mount of mounted) {
    // Comes with the one that it is in.
    if (mounted.some(({ path }) => mount.path.startsWith(`${path}/`))) continue;
    const found = openMounted(mount);
    if (found === undefined) continue;
    using there = { ...found, shown: toText(inside(fromText(place.shown), fromText(mount.path))) };
    const stat = statPlace(there);
    if (stat?.kind === "other" && specialType(there) === undefined) continue;
    const deeper = mounted
      .filter(({ path }) => path.startsWith(`${mount.path}/`))
      .map((other) => ({ ...other, path: other.path.slice(mount.path.length + 1) }));
    if (stat !== undefined) yield* placeEntries(there, stat, { signal, mounted: deeper });
  }
}

function openMounted({ root, inside: within }: MountedBelow): Place | undefined {
  const missing = (cause?: unknown): Failure => new Failure("not-found", `${root} is not there`, { cause });
  try {
    return statSync(root).isDirectory()
      ? openPlace(root, posix.join(within, "/"), missing)
      : openPlace(posix.dirname(root), `/${posix.basename(root)}`, missing);
  } catch (error) {
    if (isFailure(error, "not-found") || (error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
}

const readSize = 1 << 20;

async function* contentOf(place: Place, size: number): AsyncGenerator<Uint8Array, void, undefined> {
  const fd = sys.openRegular(place.parent, fromText(place.name));
  if (fd === undefined) throw new Failure("corrupt", `${place.path} is no file any more`);
  try {
    for (let left = size; left > 0;) {
      const buffer = Buffer.allocUnsafeSlow(Math.min(readSize, left));
      const count = sys.read(fd, buffer, 0, buffer.length);
      if (count === 0) throw new Failure("corrupt", `${place.path} shrank while it was copied`);
      left -= count;
      yield buffer.subarray(0, count);
    }
  } finally {
    sys.close(fd);
  }
}
