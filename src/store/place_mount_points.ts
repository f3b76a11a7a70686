/** Places in an init layer for what is mounted into one container only, such as `RUN --mount` of a Dockerfile. */
import { posix } from "node:path";
import { type ByteString, fromText } from "../byte_string.ts";
import * as sys from "../sys/index.ts";

export interface MountPoint {
  /** Absolute path in the container. */
  readonly path: string;
  readonly kind: "file" | "directory";
}

/**
 * Makes what is missing of the mount points, with all that leads there, in a root filesystem at `root` (a mounted init
 * layer). The runtime would make them, too, but where their changes are kept. Symlinks are followed as in the container;
 * one that leads nowhere is left to the runtime.
 */
export function placeMountPoints(root: string, points: readonly MountPoint[]): void {
  const rootFd = sys.openAt(sys.AT_FDCWD, fromText(root), sys.O_PATH | sys.O_DIRECTORY);
  try {
    for (const { path, kind } of points) place(rootFd, fromText(posix.resolve("/", path)), kind);
  } finally {
    sys.close(rootFd);
  }
}

function place(rootFd: number, path: ByteString, kind: MountPoint["kind"]): void {
  const names = path.split("/").filter((name) => name !== "");
  for (let depth = 1; depth <= names.length; depth++) {
    const parent = openDirectory(rootFd, names.slice(0, depth - 1).join("/"));
    if (parent === undefined) return;
    try {
      const isFile = depth === names.length && kind === "file";
      makeEntry(parent, names[depth - 1] as ByteString, isFile);
    } finally {
      sys.close(parent);
    }
  }
}

/** Undefined: there is no directory. */
function openDirectory(rootFd: number, path: ByteString): number | undefined {
  try {
    return sys.openIn(rootFd, path === "" ? "." : path, sys.O_RDONLY | sys.O_DIRECTORY);
  } catch (error) {
    if (sys.isSysError(error, "ENOENT", "ENOTDIR", "ELOOP")) return undefined;
    throw error;
  }
}

function makeEntry(parent: number, name: ByteString, isFile: boolean): void {
  if (sys.statAtIfExists(parent, name) !== undefined) return;
  if (isFile) sys.close(sys.openAt(parent, name, sys.O_WRONLY | sys.O_CREAT | sys.O_EXCL, 0o644));
  else {
    sys.mkdirAt(parent, name, 0o755);
    sys.chmodAt(parent, name, 0o755);
  }
}
