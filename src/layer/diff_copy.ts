/** The layer tar of a directory that is a changed copy of its parent's (vfs), or of a whole tree. */
import type { ByteString } from "../byte_string.ts";
import * as sys from "../sys/index.ts";
import { type DiffItem, ItemMaker, type Place, whiteoutItem } from "./diff_item.ts";
import { childOf } from "./layer_path.ts";

const rootFlags = sys.O_RDONLY | sys.O_DIRECTORY;
const directoryFlags = rootFlags | sys.O_NOFOLLOW;

/**
 * Items of what `directory` has over `parent` in tar order: what is new or differs, the directories above it, and a
 * whiteout for each name that is gone. Without `parent` everything is new.
 */
export function* copyItems(
  directory: ByteString,
  parent?: ByteString,
): Generator<DiffItem | undefined, void, void> {
  using open = new DisposableStack();
  const fd = open.adopt(sys.openAt(sys.AT_FDCWD, directory, rootFlags), sys.close);
  const old =
    parent === undefined ? undefined : open.adopt(sys.openAt(sys.AT_FDCWD, parent, rootFlags), sys.close);
  yield* new CopyWalk().walk(fd, old, "");
}

class CopyWalk {
  readonly #items = new ItemMaker();
  /** Unchanged directories on the way to where the walk is: they are told only if something in them is. */
  readonly #unchanged: (() => DiffItem | undefined)[] = [];

  *walk(fd: number, old: number | undefined, path: ByteString): Generator<DiffItem | undefined, void, void> {
    for (const name of namesIn(fd, old)) {
      const after = sys.statAtIfExists(fd, name);
      const before = old === undefined ? undefined : sys.statAtIfExists(old, name);
      if (after !== undefined) yield* this.#compare({ fd, name }, old, path, after, before);
      else if (before !== undefined) yield* this.#tell(() => whiteoutItem(path, name));
    }
  }

  *#compare(
    place: Place,
    old: number | undefined,
    parent: ByteString,
    after: sys.Stat,
    before: sys.Stat | undefined,
  ): Generator<DiffItem | undefined, void, void> {
    const path = childOf(parent, place.name);
    const item = (): DiffItem | undefined => this.#items.make(place, path, after);
    const differs = before === undefined || statDiffers(before, after) || xattrsDiffer(place, old);
    if (differs) yield* this.#tell(item);
    // A step of the work, though there is nothing to tell.
    else yield undefined;
    if (!isDirectory(after)) return;
    if (!differs) this.#unchanged.push(item);
    using open = new DisposableStack();
    const openBelow = (fd: number): number =>
      open.adopt(sys.openAt(fd, place.name, directoryFlags), sys.close);
    const oldBelow =
      old !== undefined && before !== undefined && isDirectory(before) ? openBelow(old) : undefined;
    yield* this.walk(openBelow(place.fd), oldBelow, path);
    if (!differs && this.#unchanged.at(-1) === item) this.#unchanged.pop();
  }

  *#tell(item: () => DiffItem | undefined): Generator<DiffItem | undefined, void, void> {
    for (const directory of this.#unchanged.splice(0)) yield directory();
    yield item();
  }
}

function namesIn(fd: number, old: number | undefined): ByteString[] {
  const names = new Set(sys.readDir(fd).map(({ name }) => name));
  if (old !== undefined) for (const { name } of sys.readDir(old)) names.add(name);
  return [...names].sort();
}

const isDirectory = (stat: sys.Stat): boolean => (stat.mode & sys.S_IFMT) === sys.S_IFDIR;

/**
 * Whether a file was changed, as far as its attributes tell (as Docker's statDifferent and sameFsTime). What a
 * directory holds changes its size and time, so these do not count there.
 */
function statDiffers(before: sys.Stat, after: sys.Stat): boolean {
  if (before.mode !== after.mode || before.uid !== after.uid || before.gid !== after.gid) return true;
  if (before.rdevMajor !== after.rdevMajor || before.rdevMinor !== after.rdevMinor) return true;
  if (isDirectory(after)) return false;
  if (before.size !== after.size || before.mtime !== after.mtime) return true;
  // A tar keeps whole seconds, so a time without a fraction may be the same one.
  return before.mtimeNs !== after.mtimeNs && before.mtimeNs !== 0 && after.mtimeNs !== 0;
}

/** Setting an attribute leaves the times of the content alone. */
function xattrsDiffer({ fd, name }: Place, old: number | undefined): boolean {
  if (old === undefined) return false;
  const before = sys.listXattrAt(old, name);
  const after = sys.listXattrAt(fd, name);
  if (before.length !== after.length) return true;
  return after.some((attribute) => {
    const value = sys.getXattrAt(fd, name, attribute);
    const oldValue = sys.getXattrAt(old, name, attribute);
    if (value === undefined || oldValue === undefined) return value !== oldValue;
    return Buffer.compare(value, oldValue) !== 0;
  });
}
