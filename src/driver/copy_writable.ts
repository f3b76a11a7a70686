/** What a container has changed, from one driver to another. */
import { type ByteString, fromText } from "../byte_string.ts";
import { type ApplyTarget, isTarTarget, unpackHere } from "../layer/index.ts";
import * as sys from "../sys/index.ts";
import { copyAttributes } from "./copy_file.ts";
import { copyTree } from "./copy_tree.ts";
import type { CacheId, Driver } from "./types.ts";

/**
 * Fills the empty writable layer `id` of `to` with what the layer of that name in `from` changes. Where both spell
 * whiteouts alike it is an exact copy; else it goes by way of a layer tar, which knows whole seconds and no sockets.
 * Both must be unmounted. Nothing is flushed.
 */
export async function copyWritable(
  from: Driver,
  to: Driver,
  id: CacheId,
  options: { readonly signal: AbortSignal },
): Promise<void> {
  const [source, target] = [writableTarget(from, id), writableTarget(to, id)];
  if (source.whiteouts === target.whiteouts && (await isPortable(source))) {
    await copyTree(fromText(source.directory), fromText(target.directory), target.ownership);
    return forEachMark(target.directory, (fd, name, attribute) => {
      if (isAboutLower(attribute)) sys.removeXattrAt(fd, name, attribute);
    });
  }
  const open = () => Promise.resolve(from.diff(id, options));
  await unpackHere({ target, open, ...options }, { sync: false });
  copyRoot(source, target);
}

function writableTarget(driver: Driver, id: CacheId): ApplyTarget {
  const target = driver.target(id);
  if (isTarTarget(target)) throw new TypeError(`${id} is no writable layer`);
  return target;
}

/** Whether it means the same above other directories: not so full copies, and what is told by `redirect`, `metacopy`. */
async function isPortable({ directory, whiteouts }: ApplyTarget): Promise<boolean> {
  if (whiteouts === "remove") return false;
  let portable = true;
  await forEachMark(directory, (_fd, _name, attribute) => {
    portable &&= isAboutLower(attribute) || attribute.endsWith(".opaque");
  });
  return portable;
}

/** A layer tar says nothing of the root's own owner, mode and times. */
function copyRoot(source: ApplyTarget, target: ApplyTarget): void {
  const [from, to] = [source, target].map(({ directory }) =>
    sys.openAt(sys.AT_FDCWD, fromText(directory), sys.O_RDONLY | sys.O_DIRECTORY),
  ) as [number, number];
  try {
    copyAttributes(from, to, ".", sys.fstat(from), target.ownership);
    for (const attribute of sys.listXattrAt(to, "."))
      if (isOverlays(attribute)) sys.removeXattrAt(to, ".", attribute);
  } finally {
    sys.close(from);
    sys.close(to);
  }
}

/** Tells `act` of every attribute in the tree by which overlayfs remembers something. */
async function forEachMark(
  directory: string,
  act: (dirfd: number, name: ByteString, attribute: ByteString) => void,
): Promise<void> {
  const fd = sys.openAt(sys.AT_FDCWD, fromText(directory), sys.O_RDONLY | sys.O_DIRECTORY);
  try {
    await sys.runInSlices(visit(fd, act));
  } finally {
    sys.close(fd);
  }
}

function* visit(fd: number, act: Parameters<typeof forEachMark>[1]): Generator<void> {
  const look = (name: ByteString): void => {
    for (const attribute of sys.listXattrAt(fd, name)) if (isOverlays(attribute)) act(fd, name, attribute);
  };
  look(".");
  for (const { name } of sys.readDir(fd)) {
    yield;
    if ((sys.statAt(fd, name).mode & sys.S_IFMT) !== sys.S_IFDIR) {
      look(name);
      continue;
    }
    const child = sys.openAt(fd, name, sys.O_RDONLY | sys.O_DIRECTORY | sys.O_NOFOLLOW);
    try {
      yield* visit(child, act);
    } finally {
      sys.close(child);
    }
  }
}

const prefix = /^(?:trusted|user)\.overlay\./;

function isOverlays(attribute: ByteString): boolean {
  return prefix.test(attribute);
}

/** They name inodes below, or count links of a copied-up file; without them the kernel looks anew (overlayfs.rst). */
function isAboutLower(attribute: ByteString): boolean {
  return /^(?:origin|impure|nlink|upper|uuid|protattr)$/.test(attribute.replace(prefix, ""));
}
