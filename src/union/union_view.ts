/** The merged view of a stack of branches, in user space: what a union mount shows, and what writing to it does. */
import type { ByteString } from "../byte_string.ts";
import { copyUp } from "./copy_up.ts";
import { isReserved } from "./file_marks.ts";
import type { Found } from "./layer_stack.ts";
import { makeLink, makeNode } from "./make_node.ts";
import type { Marks, MarkWriter } from "./marks.ts";
import { markWriterOf } from "./marks_of.ts";
import { openNode, type OpenFile, type OpenFlags } from "./open_file.ts";
import { ReadView, type FollowOption, type Taken } from "./read_view.ts";
import { removeNode } from "./remove_node.ts";
import { renameNode } from "./rename_node.ts";
import type { NewNode, NodeAttributes, WritableBranch } from "./types.ts";
import { UnionError } from "./union_error.ts";
import { spellingOf, type UnionViewOptions } from "./union_options.ts";
import type { Place } from "./walk_path.ts";
import type { Writing } from "./writing.ts";

/**
 * A {@link ReadView} that takes changes. Every operation is the system call of its name: it fails with the same error
 * numbers, in the same order of checks, and leaves the upper branch as the kernel would. Checked against the kernel's
 * overlayfs operation by operation (union_view.test.ts).
 */
export class UnionView extends ReadView {
  readonly #upper: WritableBranch | undefined;
  readonly #marks: Marks & MarkWriter;

  /** @throws Failure("invalid") for options that the dialect does not have */
  constructor(options: UnionViewOptions) {
    super(options);
    this.#upper = options.upper;
    this.#marks = markWriterOf(spellingOf(options));
  }

  /** `open(2)`. Opening for writing copies up, even if nothing is written. @throws UnionError */
  open(path: ByteString, flags: OpenFlags, mode = 0o666): OpenFile {
    const follow = flags.noFollow !== true && !(flags.create === true && flags.exclusive === true);
    const place = this.place(path, "open", follow);
    if (place.found === undefined && flags.create === true) this.#checkName(place, "open");
    openNode(place, flags, () => this.#writing("open", path), this.#newNode("file", mode));
    const end = flags.append === true;
    return {
      path: place.path,
      read: (offset, length) => this.read(place.path, offset, length),
      write: (bytes, offset = 0) => {
        if (flags.write !== true && !end) throw new UnionError("EBADF", "write", path);
        if (this.stat(place.path).kind !== "file") throw new UnionError("EINVAL", "write", path);
        this.#write(place.path, bytes, end ? "end" : offset);
      },
    };
  }

  /** Writes into an existing file: opens, writes, closes. @param offset default: over the beginning */
  write(path: ByteString, bytes: Uint8Array, offset = 0): void {
    this.open(path, { write: true }).write(bytes, offset);
  }

  /** `truncate(2)`. @throws UnionError EISDIR, EINVAL for what is neither file nor directory */
  truncate(path: ByteString, size: number): void {
    const place = this.existing(path, "truncate", true);
    if (place.found.parts !== undefined) throw new UnionError("EISDIR", "truncate", path);
    if (place.found.stat.kind !== "file") throw new UnionError("EINVAL", "truncate", path);
    const { upper } = this.#copiedUp(place, "truncate", "all");
    upper.truncate(place.path, size);
    this.#dropCapabilities(upper, place.path);
  }

  chmod(path: ByteString, mode: number): void {
    const place = this.existing(path, "chmod", true);
    this.#copiedUp(place, "chmod").upper.setAttributes(place.path, { mode: mode & 0o7777 });
  }

  /** `chown(2)`; with `follow: false` `lchown(2)`. As there, set-ID bits of files go. */
  chown(path: ByteString, uid: number, gid: number, { follow = true }: FollowOption = {}): void {
    const place = this.existing(path, "chown", follow);
    const { upper } = this.#copiedUp(place, "chown");
    const { kind, mode } = place.found.stat;
    // A set-group-ID bit without execute permission for the group once meant mandatory locking, and stays.
    const lost = kind === "directory" ? 0 : 0o4000 | ((mode & 0o2010) === 0o2010 ? 0o2000 : 0);
    upper.setAttributes(place.path, { uid, gid, mode: mode & ~lost });
    if (kind === "file") this.#dropCapabilities(upper, place.path);
  }

  /** Sets the time of last change; access times are not kept. With `follow: false` that of a symlink itself. */
  utimes(
    path: ByteString,
    times: Pick<NodeAttributes, "mtime" | "mtimeNs">,
    { follow = true }: FollowOption = {},
  ): void {
    const place = this.existing(path, "utimes", follow);
    const { mtime, mtimeNs } = times;
    this.#copiedUp(place, "utimes").upper.setAttributes(place.path, { mtime, mtimeNs });
  }

  /** @throws UnionError EPERM for `user.*` of anything but files and directories (xattr(7)) */
  setXattr(path: ByteString, name: ByteString, value: Uint8Array): void {
    const place = this.existing(path, "setxattr", true);
    this.#mustWrite("setxattr", path);
    checkXattr(place.found, name, "setxattr", path);
    this.#copiedUp(place, "setxattr").upper.setXattr(place.path, this.#marks.storedXattr(name), value);
  }

  /** @throws UnionError ENODATA: there is none, and nothing is copied up */
  removeXattr(path: ByteString, name: ByteString): void {
    const place = this.existing(path, "removexattr", true);
    this.#mustWrite("removexattr", path);
    checkXattr(place.found, name, "removexattr", path);
    if (!this.stack.xattrs(place.found).has(name)) throw new UnionError("ENODATA", "removexattr", path);
    const { upper } = this.#copiedUp(place, "removexattr");
    upper.setXattr(place.path, this.#marks.storedXattr(name), undefined);
  }

  mkdir(path: ByteString, mode = 0o777): void {
    // The set-ID bits are not for the taking (mkdir(2)).
    this.#make("mkdir", path, this.#newNode("directory", mode & 0o1777));
  }

  symlink(target: ByteString, path: ByteString): void {
    this.#make("symlink", path, { kind: "symlink", mode: 0o777, uid: 0, gid: 0, target });
  }

  /** @throws UnionError EPERM for a char device 0/0 in an overlay: that is a whiteout (behaviours B047) */
  mknod(
    path: ByteString,
    kind: "char" | "block" | "fifo" | "socket",
    options: { readonly mode?: number; readonly rdevMajor?: number; readonly rdevMinor?: number } = {},
  ): void {
    const { mode = 0o666, rdevMajor = 0, rdevMinor = 0 } = options;
    const node = { ...this.#newNode(kind, mode), rdevMajor, rdevMinor };
    const isWhiteout = kind === "char" && rdevMajor === 0 && rdevMinor === 0;
    this.#make("mknod", path, node, isWhiteout && this.rules.overlay !== undefined);
  }

  /** `link(2)`: a symlink `from` is itself linked. @throws UnionError EPERM for a directory */
  link(from: ByteString, to: ByteString): void {
    const source = this.existing(from, "link", false);
    const target = this.place(to, "link", false);
    if (target.found !== undefined) throw new UnionError("EEXIST", "link", to);
    const writing = this.#writing("link", to);
    this.#checkName(target, "link");
    if (source.found.parts !== undefined) throw new UnionError("EPERM", "link", from);
    makeLink(writing, source, target);
  }

  unlink(path: ByteString): void {
    const place = this.place(path, "unlink", false);
    const writing = this.#writing("unlink", path);
    if (place.found?.parts !== undefined) throw new UnionError("EISDIR", "unlink", path);
    removeNode(writing, place, "unlink");
  }

  /** @throws UnionError ENOTEMPTY if the merged directory shows a name, EBUSY for the root */
  rmdir(path: ByteString): void {
    const place = this.place(path, "rmdir", false);
    if (place.name === "") throw new UnionError("EBUSY", "rmdir", path);
    const writing = this.#writing("rmdir", path);
    if (place.found !== undefined && place.found.parts === undefined) {
      throw new UnionError("ENOTDIR", "rmdir", path);
    }
    removeNode(writing, place, "rmdir");
  }

  /** `rename(2)`. @throws UnionError EXDEV for a directory of a lower branch without `redirectDir` (B037) */
  rename(from: ByteString, to: ByteString): void {
    const [source, target] = [this.place(from, "rename", false), this.place(to, "rename", false)];
    if (source.name === "" || target.name === "") throw new UnionError("EBUSY", "rename", from);
    const writing = this.#writing("rename", from);
    if (source.found === undefined) throw new UnionError("ENOENT", "rename", from);
    this.#checkName(target, "rename");
    renameNode(writing, { ...source, found: source.found }, target);
  }

  #make(operation: string, path: ByteString, node: NewNode, refused = false): void {
    const place = this.place(path, operation, false);
    if (place.found !== undefined) throw new UnionError("EEXIST", operation, path);
    const writing = this.#writing(operation, path);
    this.#checkName(place, operation);
    if (refused) throw new UnionError("EPERM", operation, path);
    makeNode(writing, place, node);
  }

  #newNode(kind: NewNode["kind"], mode: number): NewNode {
    return { kind, mode: mode & 0o7777 & ~this.rules.umask, uid: 0, gid: 0 };
  }

  #write(path: ByteString, bytes: Uint8Array, offset: number | "end"): void {
    const { upper } = this.#writing("write", path);
    const size = upper.stat(path)?.size;
    if (size === undefined) throw new UnionError("ENOENT", "write", path);
    if (bytes.length === 0) return;
    upper.write(path, offset === "end" ? size : offset, bytes);
    this.#dropCapabilities(upper, path);
  }

  /** AUFS keeps names with its prefix for itself. */
  #checkName({ name, path }: Place, operation: string): void {
    if (this.rules.overlay === undefined && isReserved(name)) throw new UnionError("EPERM", operation, path);
  }

  #dropCapabilities(upper: WritableBranch, path: ByteString): void {
    if (upper.xattrs(path).has("security.capability")) upper.setXattr(path, "security.capability", undefined);
  }

  #copiedUp(place: Taken, operation: string, needed: "all" | "attributes" = "attributes"): Writing {
    const writing = this.#writing(operation, place.path);
    copyUp(writing, place, needed);
    return writing;
  }

  #mustWrite(operation: string, path: ByteString): void {
    this.#writing(operation, path);
  }

  #writing(operation: string, path: ByteString): Writing {
    if (this.#upper === undefined) throw new UnionError("EROFS", operation, path);
    return { stack: this.stack, upper: this.#upper, marks: this.#marks, rules: this.rules };
  }
}

/** Only files and directories can have attributes of users (xattr(7)). */
function checkXattr({ stat }: Found, name: ByteString, operation: string, path: ByteString): void {
  if (!name.startsWith("user.") || stat.kind === "file" || stat.kind === "directory") return;
  throw new UnionError("EPERM", operation, path);
}
