/** A directory of this machine as a source. Needs Linux. */
import type { IgnoreMatcher } from "../../dockerfile/index.ts";
import { type ByteString, fromText } from "../../byte_string.ts";
import { throwIfCancelled } from "../../bytes/index.ts";
import * as sys from "../../sys/index.ts";
import type { Failure } from "../../errors.ts";
import type { ContentMemory } from "./content_memory.ts";
import { withIgnored } from "./ignored_source.ts";
import { OpenFile } from "./open_file.ts";
import { isPortable } from "./portable_xattrs.ts";
import { resolvePath } from "./resolve_path.ts";
import { changed, isPlain, missing, nameOf, notThat, parentOf } from "./source_path.ts";
import type { SourceKind, SourceStat, SourceTree } from "./types.ts";

export interface DirectorySourceOptions {
  /** Default `context`. */
  readonly name?: string;
  /** What is not to be seen. */
  readonly ignored?: IgnoreMatcher;
  /** Digests of files that were read before. The caller saves it. */
  readonly memory?: ContentMemory;
}

/**
 * The kernel resolves every path beneath the directory, without following a symlink, so that nothing outside is ever
 * read, whatever is changed there meanwhile. All belongs to root, whoever owns it outside.
 *
 * @throws SysError if there is no such directory; Failure("unsupported") away from Linux
 */
export function openDirectorySource(path: string, options: DirectorySourceOptions = {}): SourceTree {
  const tree = new DirectorySource(path, options);
  return options.ignored === undefined ? tree : withIgnored(tree, options.ignored);
}

const kinds: Record<number, SourceKind> = {
  [sys.S_IFREG]: "file",
  [sys.S_IFDIR]: "directory",
  [sys.S_IFLNK]: "symlink",
  [sys.S_IFCHR]: "char",
  [sys.S_IFBLK]: "block",
  [sys.S_IFIFO]: "fifo",
  [sys.S_IFSOCK]: "socket",
};

class DirectorySource implements SourceTree {
  readonly name: string;
  readonly #directories: sys.OpenDirectories;
  readonly #memory: ContentMemory | undefined;

  constructor(path: string, { name = "context", memory }: DirectorySourceOptions) {
    this.name = name;
    this.#memory = memory;
    this.#directories = new sys.OpenDirectories(fromText(path), { access: sys.O_RDONLY, kept: 32 });
  }

  [Symbol.dispose](): void {
    this.#directories[Symbol.dispose]();
  }

  stat(path: ByteString): SourceStat | undefined {
    const stat = this.#lstat(path);
    return stat && sourceStat(stat);
  }

  resolve(path: ByteString): ByteString | undefined {
    return resolvePath(this, path);
  }

  readdir(path: ByteString): ByteString[] {
    const fd = isPlain(path) ? this.#directories.get(path) : undefined;
    if (fd === undefined) {
      throw this.stat(path) === undefined ? missing(path, this.name) : notThat(path, this.name, "directory");
    }
    return sys
      .readDir(fd)
      .map(({ name }) => name)
      .sort();
  }

  readLink(path: ByteString): ByteString {
    const kind = this.stat(path)?.kind;
    if (kind === undefined) throw missing(path, this.name);
    const parent = this.#directories.get(parentOf(path));
    if (kind !== "symlink" || parent === undefined) throw notThat(path, this.name, "symlink");
    return sys.readlinkAt(parent, nameOf(path));
  }

  xattrs(path: ByteString): ReadonlyMap<ByteString, Uint8Array> {
    const parent = isPlain(path) ? this.#directories.get(parentOf(path)) : undefined;
    if (parent === undefined) throw missing(path, this.name);
    const name = path === "" ? "." : nameOf(path);
    try {
      const names = sys.listXattrAt(parent, name).filter(isPortable);
      return names.length === 0 ? noXattrs : valuesOf(parent, name, names);
    } catch (error) {
      throw sys.isNowhere(error) ? missing(path, this.name) : error;
    }
  }

  async *open(path: ByteString, signal: AbortSignal): AsyncGenerator<Uint8Array, void, undefined> {
    throwIfCancelled(signal);
    using file = this.#open(path);
    for await (const chunk of file.chunks()) {
      throwIfCancelled(signal);
      yield chunk;
    }
  }

  read(path: ByteString): Uint8Array {
    using file = this.#open(path);
    return file.readWhole();
  }

  async contentDigest(path: ByteString, signal?: AbortSignal): Promise<string> {
    const stat = this.#memory && this.#lstat(path);
    const known = stat && this.#memory?.get(path, stat);
    if (known !== undefined) return known;
    const since = Date.now();
    using file = this.#open(path);
    const digest = await file.digest(signal);
    this.#memory?.set(path, file.stat, digest, since);
    return digest;
  }

  #lstat(path: ByteString): sys.Stat | undefined {
    if (path === "") return sys.fstat(this.#directories.root);
    const directory = isPlain(path) ? this.#directories.get(parentOf(path)) : undefined;
    if (directory === undefined) return undefined;
    try {
      return sys.statAtIfExists(directory, nameOf(path));
    } catch (error) {
      if (sys.isNowhere(error)) return undefined;
      throw error;
    }
  }

  #open(path: ByteString): OpenFile {
    const directory = isPlain(path) ? this.#directories.get(parentOf(path)) : undefined;
    if (directory === undefined || path === "") throw this.#refusal(path);
    let fd: number;
    try {
      // O_NONBLOCK: should it be a FIFO, opening it must not hang.
      fd = sys.openAt(directory, nameOf(path), sys.O_RDONLY | sys.O_NOFOLLOW | sys.O_NONBLOCK);
    } catch (error) {
      throw sys.isNowhere(error) || sys.isSysError(error, "ENXIO") ? this.#refusal(path) : error;
    }
    const file = new OpenFile(fd, () => changed(path, this.name));
    if (kindOf(file.stat) === "file") return file;
    file[Symbol.dispose]();
    throw this.#refusal(path);
  }

  #refusal(path: ByteString): Failure {
    return this.stat(path) === undefined ? missing(path, this.name) : notThat(path, this.name, "file");
  }
}

const noXattrs: ReadonlyMap<ByteString, Uint8Array> = new Map();

function valuesOf(
  directory: number,
  name: ByteString,
  attributes: readonly ByteString[],
): ReadonlyMap<ByteString, Uint8Array> {
  const values = new Map<ByteString, Uint8Array>();
  for (const attribute of attributes) {
    const value = sys.getXattrAt(directory, name, attribute);
    if (value !== undefined) values.set(attribute, value);
  }
  return values;
}

function kindOf({ mode }: sys.Stat): SourceKind {
  return kinds[mode & sys.S_IFMT] ?? "socket";
}

function sourceStat(stat: sys.Stat): SourceStat {
  const kind = kindOf(stat);
  return {
    kind,
    mode: stat.mode & 0o7777,
    uid: 0,
    gid: 0,
    size: kind === "file" ? stat.size : 0,
    mtime: stat.mtime,
    mtimeNs: stat.mtimeNs,
    devMajor: stat.rdevMajor,
    devMinor: stat.rdevMinor,
    ...(kind === "file" && stat.nlink > 1 && { inode: `${stat.dev}:${stat.ino}` }),
  };
}
