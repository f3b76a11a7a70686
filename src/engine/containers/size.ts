/** How many bytes and inodes a container's writable layer holds. */
import { fromText, type ByteString } from "../../byte_string.ts";
import { isTarTarget } from "../../layer/index.ts";
import type { Store } from "../../store/index.ts";
import * as sys from "../../sys/index.ts";

/**
 * Bytes of files in the writable layer, every inode once, symlinks by the length of their target; for a driver
 * whose layers are full copies, those of what differs from the parent, whole files (moby, pkg/directory and
 * pkg/archive, `ChangesSize`).
 */
export async function writableSize(store: Store, containerId: string): Promise<number> {
  return (await writableUsage(store, containerId)).bytes;
}

export interface WritableUsage {
  readonly bytes: number;
  /** Of files and directories, that of the layer itself included. */
  readonly inodes: number;
}

/** Counted as {@link writableSize} says. */
export async function writableUsage(store: Store, containerId: string): Promise<WritableUsage> {
  const layer = await store.containers.get(containerId);
  if (layer === undefined) return { bytes: 0, inodes: 0 };
  const target = store.driver.target(layer.mountId);
  if (isTarTarget(target)) return { bytes: 0, inodes: 0 };
  const { directory } = target;
  const sum = new FileSizes();
  if (store.driver.independentLayers) {
    sum.addDirectory(sys.AT_FDCWD, fromText(directory));
  } else {
    const changes = await store.driver.changes(layer.mountId, { signal: new AbortController().signal });
    sum.addListed(fromText(directory));
    for (const { kind, path } of changes) if (kind !== "D") sum.addListed(`${fromText(directory)}${path}`);
  }
  const { bytes, inodes } = sum;
  return { bytes, inodes };
}

/**
 * The writable layer, and that with all layers below it. Read off the layers: the image may have been removed by
 * force since.
 */
export async function containerSizes(
  store: Store,
  containerId: string,
): Promise<{ readonly sizeRw: number; readonly sizeRootFs: number }> {
  const sizeRw = await writableSize(store, containerId);
  let sizeRootFs = sizeRw;
  let below = (await store.containers.get(containerId))?.parent;
  while (below !== undefined) {
    const layer = await store.layers.get(below);
    sizeRootFs += layer?.size ?? 0;
    below = layer?.parent;
  }
  return { sizeRw, sizeRootFs };
}

/** Bytes of all files in a directory, counted as above. */
export function filesSize(directory: string): number {
  const sum = new FileSizes();
  sum.addDirectory(sys.AT_FDCWD, fromText(directory));
  return sum.bytes;
}

/** What a running container removes meanwhile does not count. */
class FileSizes {
  bytes = 0;
  inodes = 0;
  readonly #seen = new Set<number | bigint>();

  addFile(dirfd: number, name: ByteString): void {
    const stat = sys.statAtIfExists(dirfd, name);
    if (stat !== undefined && !isDirectory(stat)) this.#add(stat);
  }

  /** One of a list that has what is in a directory as well. */
  addListed(path: ByteString): void {
    const stat = sys.statAtIfExists(sys.AT_FDCWD, path);
    if (stat === undefined) return;
    if (isDirectory(stat)) this.inodes++;
    else this.#add(stat);
  }

  #add(stat: sys.Stat): void {
    if (stat.nlink > 1 && this.#seen.has(stat.ino)) return;
    this.#seen.add(stat.ino);
    this.inodes++;
    this.bytes += Number(stat.size);
  }

  addDirectory(dirfd: number, name: ByteString): void {
    const flags = sys.O_RDONLY | sys.O_DIRECTORY | sys.O_NOFOLLOW;
    const fd = unlessGone(() => sys.openAt(dirfd, name, flags));
    if (fd === undefined) return;
    this.inodes++;
    try {
      for (const entry of unlessGone(() => sys.readDir(fd)) ?? []) {
        // Each of the two passes over what is the other's.
        if (entry.type !== "directory") this.addFile(fd, entry.name);
        if (entry.type === "directory" || entry.type === "unknown") this.addDirectory(fd, entry.name);
      }
    } finally {
      sys.close(fd);
    }
  }
}

function isDirectory({ mode }: sys.Stat): boolean {
  return (mode & sys.S_IFMT) === sys.S_IFDIR;
}

/** A directory that is open may go, too (getdents64(2)). */
function unlessGone<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch (error) {
    if (sys.isSysError(error, "ENOENT", "ENOTDIR")) return undefined;
    throw error;
  }
}
