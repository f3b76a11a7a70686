/** Files of a container as tars, both ways, as in Docker's archive API (moby, daemon/archive.go). */
import { existsSync } from "node:fs";
import { posix } from "node:path";
import type { ByteSource } from "../../../bytes/index.ts";
import { Failure, isFailure } from "../../../errors.ts";
import { containerUser, readRootFile } from "../../../runtime/index.ts";
import type { Store } from "../../../store/index.ts";
import { isSysError } from "../../../sys/index.ts";
import { holdImage } from "../image_mounts.ts";
import { mountedRoot, type LookedInto } from "../mounted_root.ts";
import { readHostConfig, type ContainerRecord, type MountPoint } from "../record.ts";
import { locate, type Located } from "./locate.ts";
import { openPlace, statPlace, type PathStat, type Place } from "./place.ts";
import { placeTar, type MountedBelow } from "./place_tar.ts";
import { unpackInto, type Owner } from "./unpack_into.ts";

export interface ArchiveOptions {
  readonly signal: AbortSignal;
  /** What failures call the container (default: its name): as it was asked for, with Docker. */
  readonly calledBy?: string | undefined;
}

export interface WriteArchiveOptions extends ArchiveOptions {
  /** Whether all is to belong to the container's user, if it has one (the API's `copyUIDGID`). */
  readonly toUser?: boolean;
  /** Whether files may take the place of directories, and the other way round. */
  readonly replace?: boolean;
}

/** What `path` is; a symlink at its end is not followed, unless the path ends with a slash. */
export async function statPath(
  store: Store,
  record: ContainerRecord,
  path: string,
  { calledBy }: Pick<ArchiveOptions, "calledBy"> = {},
): Promise<PathStat> {
  await using looked = await lookInto(store, record, calledBy);
  using place = placeIn(store, looked, path);
  return needed(place, looked);
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
  const stat = await statPath(store, record, path, options);
  return { stat, tar: archiveOf(store, record, path, options) };
}

async function* archiveOf(
  store: Store,
  record: ContainerRecord,
  path: string,
  { signal, calledBy }: ArchiveOptions,
): AsyncGenerator<Uint8Array, void, undefined> {
  await using looked = await lookInto(store, record, calledBy);
  const located = locate(store, looked.path, looked.points, path);
  using place = openLocated(located, looked, path);
  yield* placeTar(place, needed(place, looked), {
    signal: AbortSignal.any([signal, looked.dismissed]),
    mounted: mountedBelow(located),
  });
}

/**
 * Unpacks a tar, which may be compressed, into an existing directory of the container or of what is mounted in it;
 * symlinks on the way and at its end are followed inside the container.
 * @throws Failure("not-found"); "invalid" for what is no directory or may not be written to, in Docker's words
 */
export async function writeArchive(
  store: Store,
  record: ContainerRecord,
  directory: string,
  tar: ByteSource,
  options: WriteArchiveOptions,
): Promise<void> {
  await using looked = await lookInto(store, record, options.calledBy);
  checkDirectory(store, looked, directory);
  const place = locate(store, looked.path, looked.points, posix.join("/", directory, "/"));
  if (place.readOnly) throw new Failure("invalid", "mounted volume is marked read-only");
  if (!place.isMounted && (await readHostConfig(store.root, record.ID)).ReadonlyRootfs === true)
    throw new Failure("invalid", "container rootfs is marked read-only");
  const owner = options.toUser === true ? userOf(looked.path, record) : undefined;
  await unpackInto(place.root, place.path, tar, {
    signal: options.signal,
    at: place.at,
    nested: place.nested,
    replace: options.replace === true,
    ...(owner && { owner }),
  });
}

interface Looked extends LookedInto {
  readonly calledBy: string;
  readonly points: Readonly<Record<string, MountPoint>>;
}

/** With all that is mounted in it, images too, whether or not it runs. */
async function lookInto(
  store: Store,
  record: ContainerRecord,
  calledBy = record.Name.slice(1),
): Promise<Looked> {
  await using held = new AsyncDisposableStack();
  const root = held.use(await mountedRoot(store, record));
  const points = mountsOf(record);
  for (const [at, point] of Object.entries(points)) {
    if (point.Type !== "image") continue;
    const image = await holdImage(store, point);
    if (image !== undefined) points[at] = { ...point, Source: held.use(image).path };
  }
  const all = held.move();
  const { path, dismissed } = root;
  return { calledBy, path, dismissed, points, [Symbol.asyncDispose]: () => all.disposeAsync() };
}

/** With its files of /etc, once there are some. */
function mountsOf({
  MountPoints,
  HostsPath,
  HostnamePath,
  ResolvConfPath,
}: ContainerRecord): Record<string, MountPoint> {
  const files = [
    ["/etc/hosts", HostsPath],
    ["/etc/hostname", HostnamePath],
    ["/etc/resolv.conf", ResolvConfPath],
  ] as const;
  const points = files
    .filter(([, path]) => path && existsSync(path))
    .map(([Destination, Source]) => {
      const point: MountPoint = { Type: "bind", Source, Destination, RW: true, Name: "", Driver: "" };
      return [Destination, point] as const;
    });
  return { ...Object.fromEntries(points), ...MountPoints };
}

function userOf(rootfs: string, { Config }: ContainerRecord): Owner | undefined {
  if ((Config.User ?? "") === "") return undefined;
  const read = (path: string): string => readRootFile(rootfs, path) ?? "";
  return containerUser(Config.User ?? "", [], { passwd: read("/etc/passwd"), group: read("/etc/group") });
}

function checkDirectory(store: Store, looked: Looked, directory: string): void {
  try {
    using place = placeIn(store, looked, `${directory}/`);
    void place.name;
  } catch (error) {
    // Not found by the root, where a file is mounted.
    const isNone = isFailure(error, "invalid") || isSysError(error, "ENOTDIR");
    if (isNone) throw new Failure("invalid", "extraction point is not a directory", { cause: error });
    throw error;
  }
}

function placeIn(store: Store, looked: Looked, path: string): Place {
  return openLocated(locate(store, looked.path, looked.points, path), looked, path);
}

function openLocated(located: Located, looked: Looked, path: string): Place {
  return openPlace(located.root, located.path, (cause) => notFound(looked, path, cause), path);
}

function mountedBelow({ at, nested }: Located): MountedBelow[] {
  const start = posix.join(at, "/").length;
  return nested.map((mount) => ({ ...mount, path: mount.at.slice(start) }));
}

function needed(place: Place, looked: Looked): PathStat {
  const stat = statPlace(place);
  if (stat === undefined) throw notFound(looked, place.path);
  return stat;
}

function notFound({ calledBy }: Looked, path: string, cause?: unknown): Failure {
  const shown = path.replace(/(?<=.)\/$/, "");
  return new Failure("not-found", `Could not find the file ${shown} in container ${calledBy}`, { cause });
}
