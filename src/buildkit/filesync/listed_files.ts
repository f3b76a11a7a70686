/** The files that a client says it has. It may say anything: nothing is taken that could not be a tree. */
import { type ByteString, toText } from "../../byte_string.ts";
import { isPlain, isPortable, type SourceStat } from "../../build/index.ts";
import { Failure } from "../../errors.ts";
import { kindOf, permissionsOf, type FileStat } from "./packets.ts";

export interface ListedFile {
  readonly stat: SourceStat;
  /** Of a symlink. */
  readonly target: ByteString;
  readonly xattrs: ReadonlyMap<ByteString, Uint8Array>;
  /** Of a directory: names in it, sorted once all are known. */
  readonly names: ByteString[];
  /** Number in the list by which the content of a file is asked for. */
  readonly id: number;
}

export interface ListLimits {
  /** Default 2,000,000. */
  readonly entries?: number;
  /** Bytes of names, targets and attributes, which are all kept in memory (default 512 MiB). */
  readonly names?: number;
  /** Bytes of all files (default 64 GiB). */
  readonly bytes?: number;
}

const longestPath = 4095;
const noXattrs: ReadonlyMap<ByteString, Uint8Array> = new Map();

export class ListedFiles {
  readonly #files = new Map<ByteString, ListedFile>([["", root()]]);
  readonly #left: { entries: number; names: number; bytes: number };
  #next = 0;

  constructor({ entries = 2_000_000, names = 512 << 20, bytes = 64 * 2 ** 30 }: ListLimits = {}) {
    this.#left = { entries, names, bytes };
  }

  get(path: ByteString): ListedFile | undefined {
    return this.#files.get(path);
  }

  /** @throws Failure("invalid") for a path that is none, comes twice, or lies in what is no directory; Failure("limit") */
  add(given: FileStat): void {
    const path = bytesOf(given.path);
    const id = this.#next++;
    const { parent, name } = this.#place(path);
    this.#spend(given);
    const kind = kindOf(given.mode);
    if (kind === undefined) throw refused(path, `has the mode ${given.mode.toString(8)}`);
    const target = bytesOf(given.linkname);
    if (kind === "symlink" && (target === "" || target.length > longestPath || target.includes("\0")))
      throw refused(path, `is a symlink to ${target.length} bytes`);
    parent.names.push(name);
    this.#files.set(
      path,
      kind === "file" && target !== ""
        ? this.#linked(path, target)
        : { stat: statOf(given, kind), target, id, names: [], xattrs: xattrsOf(given) },
    );
  }

  /** To be called when all have been added. */
  sort(): void {
    for (const { names } of this.#files.values()) names.sort();
  }

  #place(path: ByteString): { readonly parent: ListedFile; readonly name: ByteString } {
    if (path === "" || !isPlain(path)) throw refused(path, "is no path in a directory");
    if (this.#files.has(path)) throw refused(path, "comes twice");
    const slash = path.lastIndexOf("/");
    const parent = this.#files.get(slash < 0 ? "" : path.slice(0, slash));
    if (parent?.stat.kind !== "directory") throw refused(path, "lies in no directory");
    return { parent, name: path.slice(slash + 1) };
  }

  #spend({ path, linkname, size, xattrs }: FileStat): void {
    if (!Number.isSafeInteger(size) || size < 0) throw refused(bytesOf(path), `has ${size} bytes`);
    this.#left.entries -= 1;
    this.#left.bytes -= size;
    this.#left.names -= path.length + linkname.length;
    for (const { key, value } of xattrs) this.#left.names -= key.length + value.length;
    for (const [what, left] of Object.entries(this.#left))
      if (left < 0) throw new Failure("limit", `the client's files are over the limit of ${what}`);
  }

  #linked(path: ByteString, target: ByteString): ListedFile {
    const found = this.#files.get(target);
    if (found?.stat.kind !== "file")
      throw refused(path, `is a link to ${shown(target)}, which is no file before it`);
    // Only now is it known that several paths lead to it.
    const linked = { ...found, stat: { ...found.stat, inode: String(found.id) } };
    this.#files.set(target, linked);
    return linked;
  }
}

function root(): ListedFile {
  const stat: SourceStat = {
    kind: "directory",
    mode: 0o755,
    uid: 0,
    gid: 0,
    size: 0,
    mtime: 0,
    mtimeNs: 0,
    devMajor: 0,
    devMinor: 0,
  };
  return { stat, target: "", xattrs: noXattrs, names: [], id: -1 };
}

/** Whose a file is outside does not matter in a build. */
function statOf(given: FileStat, kind: SourceStat["kind"]): SourceStat {
  const seconds = given.mtime / 1_000_000_000n;
  const nanoseconds = given.mtime % 1_000_000_000n;
  const isBefore = nanoseconds < 0n;
  return {
    kind,
    mode: kind === "symlink" ? 0o777 : permissionsOf(given.mode),
    uid: 0,
    gid: 0,
    size: kind === "file" ? given.size : 0,
    mtime: Number(seconds) - (isBefore ? 1 : 0),
    mtimeNs: Number(nanoseconds) + (isBefore ? 1_000_000_000 : 0),
    devMajor: given.devMajor,
    devMinor: given.devMinor,
  };
}

function xattrsOf({ xattrs }: FileStat): ReadonlyMap<ByteString, Uint8Array> {
  if (xattrs.length === 0) return noXattrs;
  const named = xattrs.map(({ key, value }) => [bytesOf(key), Buffer.from(value)] as const);
  return new Map(named.filter(([name]) => isPortable(name)));
}

function bytesOf(bytes: Uint8Array): ByteString {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString("latin1");
}

function refused(path: ByteString, why: string): Failure {
  return new Failure("invalid", `${shown(path)} of the client's files ${why}`);
}

function shown(path: ByteString): string {
  const text = JSON.stringify(toText(path));
  return text.length > 200 ? `${text.slice(0, 200)}..."` : text;
}
