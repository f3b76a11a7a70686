/**
 * What `docker diff` lists: how one merged view differs from another (behaviours B097). The rules are those of
 * moby's pkg/archive/changes.go and changes_unix.go.
 */
import { type ByteString, fromText } from "../byte_string.ts";
import type { Change } from "../layer/index.ts";
import * as sys from "../sys/index.ts";

interface Views {
  /** Open directories. `old` is absent where there is no parent: everything is an addition then. */
  readonly old: number | undefined;
  readonly new: number;
  /**
   * The overlay's upper directory of the new view, if there is one: what is not in it is equal, so that only as
   * much is compared as the layer holds.
   */
  readonly upper: number | undefined;
}

/**
 * Compares directories that nobody changes meanwhile.
 * @param paths `old` is the parent's view, `new` the child's, `upper` the child's own overlay directory
 * @returns sorted by path @throws Failure("cancelled"), SysError
 */
export async function compareDirectories(
  paths: { readonly old?: string; readonly new: string; readonly upper?: string },
  signal: AbortSignal,
): Promise<Change[]> {
  using open = new DisposableStack();
  const openPath = (path: string): number =>
    open.adopt(sys.openAt(sys.AT_FDCWD, fromText(path), rootFlags), sys.close);
  const views = {
    old: paths.old === undefined ? undefined : openPath(paths.old),
    new: openPath(paths.new),
    upper: paths.upper === undefined ? undefined : openPath(paths.upper),
  };
  return await sys.runInSlices(compareViews(views), { signal });
}

const rootFlags = sys.O_RDONLY | sys.O_DIRECTORY;

/** Compares step by step, for {@link sys.runInSlices}. @returns the changes sorted by path @throws SysError */
function* compareViews(views: Views): Generator<void, Change[]> {
  const changes: Change[] = [];
  yield* compareDirectory(views, "", changes);
  return changes.sort((a, b) => (a.path < b.path ? -1 : 1));
}

function* compareDirectory(views: Views, path: ByteString, changes: Change[]): Generator<void> {
  for (const name of namesToCompare(views)) {
    const here = `${path}/${name}`;
    const before = views.old === undefined ? undefined : sys.statAtIfExists(views.old, name);
    const after = sys.statAtIfExists(views.new, name);
    // A deleted directory is one line; a whiteout of nothing is none.
    if (after === undefined && before !== undefined) changes.push({ kind: "D", path: here });
    if (after !== undefined) yield* compareEntry(views, name, here, before, after, changes);
    yield;
  }
}

function* compareEntry(
  views: Views,
  name: ByteString,
  path: ByteString,
  before: sys.Stat | undefined,
  after: sys.Stat,
  changes: Change[],
): Generator<void> {
  if (before === undefined) changes.push({ kind: "A", path });
  else if (differs(before, after) || capabilitiesDiffer(views, name)) changes.push({ kind: "C", path });
  if (!isDirectory(after)) return;
  const listed = changes.length > 0 && changes.at(-1)?.path === path;
  const size = changes.length;
  using open = new DisposableStack();
  yield* compareDirectory(
    openBelow(views, name, before !== undefined && isDirectory(before), open),
    path,
    changes,
  );
  // A directory in which something changed is listed itself.
  if (changes.length > size && !listed) changes.push({ kind: "C", path });
}

function namesToCompare(views: Views): Iterable<ByteString> {
  const names = (fd: number): ByteString[] => sys.readDir(fd).map((entry) => entry.name);
  if (views.upper !== undefined) return names(views.upper);
  if (views.old === undefined) return names(views.new);
  return new Set([...names(views.new), ...names(views.old)]);
}

const directoryFlags = sys.O_RDONLY | sys.O_DIRECTORY | sys.O_NOFOLLOW;

/** The same directory one step down in all views; `open` closes it. */
function openBelow(views: Views, name: ByteString, wasDirectory: boolean, open: DisposableStack): Views {
  const below = (fd: number): number => open.adopt(sys.openAt(fd, name, directoryFlags), sys.close);
  const upper = views.upper === undefined ? undefined : below(views.upper);
  return {
    new: below(views.new),
    old: views.old === undefined || !wasDirectory ? undefined : below(views.old),
    upper: upper === undefined || isDetached(upper) ? undefined : upper,
  };
}

/**
 * Whether the upper directory has not the parent's directory of the same name below it: an opaque one, and one that
 * was renamed there (overlayfs.rst, "redirect_dir"). Then everything in it must be compared.
 */
function isDetached(upper: number): boolean {
  return ["trusted.overlay.", "user.overlay."].some((prefix) =>
    ["opaque", "redirect"].some((mark) => sys.getXattr(upper, prefix + mark) !== undefined),
  );
}

const isDirectory = (stat: sys.Stat): boolean => (stat.mode & sys.S_IFMT) === sys.S_IFDIR;

/** Neither size nor time of a directory counts: both change with what is in it. */
function differs(before: sys.Stat, after: sys.Stat): boolean {
  if (before.mode !== after.mode || before.uid !== after.uid || before.gid !== after.gid) return true;
  if (before.rdevMajor !== after.rdevMajor || before.rdevMinor !== after.rdevMinor) return true;
  if (isDirectory(after)) return false;
  return before.size !== after.size || before.mtime !== after.mtime || nanosecondsDiffer(before, after);
}

/** Some file systems and tars keep whole seconds: a zero says nothing (moby, sameFsTimeSpec). */
function nanosecondsDiffer(before: sys.Stat, after: sys.Stat): boolean {
  return before.mtimeNs !== after.mtimeNs && before.mtimeNs !== 0 && after.mtimeNs !== 0;
}

function capabilitiesDiffer(views: Views, name: ByteString): boolean {
  if (views.old === undefined) return false;
  const before = sys.getXattrAt(views.old, name, "security.capability");
  const after = sys.getXattrAt(views.new, name, "security.capability");
  if (before === undefined || after === undefined) return before !== after;
  return Buffer.compare(before, after) !== 0;
}
