/** How two directory trees differ, for tests and checks. */
import { type ByteString, fromText } from "../byte_string.ts";
import * as sys from "../sys/index.ts";
import { childOf, shown } from "./layer_path.ts";

export interface CompareOptions {
  /** Parts that may differ. `directory times` are those of directories only. Default: none. */
  readonly ignore?: readonly ("times" | "directory times" | "owners" | "xattrs" | "links")[];
}

const rootFlags = sys.O_RDONLY | sys.O_DIRECTORY;

/**
 * Every difference between the trees `a` and `b` in one line of text; none: they are equal in names, kinds, modes,
 * owners, modification times to the nanosecond, attributes, link targets, hard links, device numbers and content.
 * The two directories themselves are not compared.
 * @throws SysError
 */
export function compareTrees(a: string, b: string, options: CompareOptions = {}): string[] {
  using open = new DisposableStack();
  const openRoot = (path: string): number =>
    open.adopt(sys.openAt(sys.AT_FDCWD, fromText(path), rootFlags), sys.close);
  const comparison = new Comparison(new Set(options.ignore));
  comparison.directories(openRoot(a), openRoot(b), "");
  return comparison.differences;
}

class Comparison {
  readonly differences: string[] = [];
  readonly #ignored: ReadonlySet<string>;
  /** For each file with several names in `a` the first of them, and the same for `b`. */
  readonly #first = [new Map<string, ByteString>(), new Map<string, ByteString>()] as const;

  constructor(ignored: ReadonlySet<string>) {
    this.#ignored = ignored;
  }

  directories(a: number, b: number, path: ByteString): void {
    const names = new Set([...sys.readDir(a), ...sys.readDir(b)].map(({ name }) => name));
    for (const name of [...names].sort()) this.#entries(a, b, name, childOf(path, name));
  }

  #entries(a: number, b: number, name: ByteString, path: ByteString): void {
    const left = sys.statAtIfExists(a, name);
    const right = sys.statAtIfExists(b, name);
    if (left === undefined || right === undefined) {
      this.#tell(path, `is only in the ${left === undefined ? "second" : "first"}`);
      return;
    }
    this.#stats(path, left, right);
    if (!this.#ignored.has("xattrs")) this.#equal(path, "xattrs", xattrsOf(a, name), xattrsOf(b, name));
    if (left.mode !== right.mode) return;
    const kind = left.mode & sys.S_IFMT;
    if (kind === sys.S_IFLNK) this.#equal(path, "target", sys.readlinkAt(a, name), sys.readlinkAt(b, name));
    else if (kind === sys.S_IFREG && left.size === right.size) this.#contents(a, b, name, path);
    else if (kind === sys.S_IFDIR) this.#below(a, b, name, path);
  }

  #stats(path: ByteString, left: sys.Stat, right: sys.Stat): void {
    const isDirectory = (left.mode & sys.S_IFMT) === sys.S_IFDIR;
    const timesCount = !this.#ignored.has("times") && !(isDirectory && this.#ignored.has("directory times"));
    this.#equal(path, "mode", left.mode.toString(8), right.mode.toString(8));
    if (!this.#ignored.has("owners")) {
      this.#equal(path, "owner", `${left.uid}:${left.gid}`, `${right.uid}:${right.gid}`);
    }
    if (timesCount) this.#equal(path, "mtime", timeOf(left), timeOf(right));
    if (isDirectory) return;
    this.#equal(path, "size", left.size, right.size);
    this.#equal(path, "device", deviceOf(left), deviceOf(right));
    if (this.#ignored.has("links")) return;
    this.#equal(path, "hard link", this.#firstName(0, left, path), this.#firstName(1, right, path));
  }

  #firstName(side: 0 | 1, { dev, ino, nlink }: sys.Stat, path: ByteString): ByteString {
    if (nlink === 1) return path;
    const key = `${dev}:${ino}`;
    const first = this.#first[side].get(key);
    if (first === undefined) this.#first[side].set(key, path);
    return first ?? path;
  }

  #contents(a: number, b: number, name: ByteString, path: ByteString): void {
    if (!readAll(a, name).equals(readAll(b, name))) this.#tell(path, "content differs");
  }

  #below(a: number, b: number, name: ByteString, path: ByteString): void {
    using open = new DisposableStack();
    const below = (fd: number): number =>
      open.adopt(sys.openAt(fd, name, rootFlags | sys.O_NOFOLLOW), sys.close);
    this.directories(below(a), below(b), path);
  }

  #equal(path: ByteString, what: string, left: string | number, right: string | number): void {
    if (left !== right) this.#tell(path, `${what} ${left} is ${right} in the second`);
  }

  #tell(path: ByteString, difference: string): void {
    this.differences.push(`${shown(path)}: ${difference}`);
  }
}

function timeOf({ mtime, mtimeNs }: sys.Stat): string {
  return `${mtime}.${String(mtimeNs).padStart(9, "0")}`;
}

function deviceOf({ rdevMajor, rdevMinor }: sys.Stat): string {
  return `${rdevMajor}:${rdevMinor}`;
}

function xattrsOf(fd: number, name: ByteString): string {
  const values = sys.listXattrAt(fd, name).toSorted();
  return values
    .map(
      (attribute) => `${attribute}=${Buffer.from(sys.getXattrAt(fd, name, attribute) ?? []).toString("hex")}`,
    )
    .join(" ");
}

function readAll(dirfd: number, name: ByteString): Buffer {
  const fd = sys.openAt(dirfd, name, sys.O_RDONLY | sys.O_NOFOLLOW);
  try {
    const bytes = Buffer.alloc(sys.fstat(fd).size);
    let at = 0;
    for (let count = -1; count !== 0 && at < bytes.length; at += count) count = sys.read(fd, bytes, at);
    return bytes.subarray(0, at);
  } finally {
    sys.close(fd);
  }
}
