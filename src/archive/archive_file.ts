/** A tar archive on disk with an index of its members, so that any of them can be read in any order. */
import { randomBytes } from "node:crypto";
import { open, unlink, type FileHandle } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, posix } from "node:path";
import { toText } from "../byte_string.ts";
import {
  collect,
  decompress,
  detectCompression,
  detectionLength,
  fromFile,
  throwIfCancelled,
  type ByteSource,
} from "../bytes/index.ts";
import { Failure } from "../errors.ts";
import { indexMembers, memberName, type Member } from "./index_members.ts";

const readSize = 1 << 20;
/** Links that are followed to a member; Docker's archives have one. */
const maxHops = 8;

export interface OpenArchiveFileOptions {
  readonly signal: AbortSignal;
  /** Where a piped or compressed archive is unpacked to, an existing directory (default: the system's). */
  readonly temporaryDirectory?: string;
}

export class ArchiveFile implements AsyncDisposable {
  readonly #file: FileHandle;
  readonly #members: ReadonlyMap<string, Member>;

  private constructor(file: FileHandle, members: ReadonlyMap<string, Member>) {
    this.#file = file;
    this.#members = members;
  }

  /**
   * Opens a path, or the bytes of a pipe. A plain tar on disk is read in place; anything else is first written,
   * decompressed, to a temporary file that has no name any more and so goes with the process.
   *
   * Throws `Failure("not-found")` for a missing file, `"corrupt"` for what is no tar, `"no-space"`, `"cancelled"`.
   */
  static async open(source: string | ByteSource, options: OpenArchiveFileOptions): Promise<ArchiveFile> {
    const file = await plainFile(source, options);
    try {
      return new ArchiveFile(file, await indexMembers(file, options.signal));
    } catch (error) {
      await file.close();
      throw error;
    }
  }

  has(name: string): boolean {
    return this.#find(name) !== undefined;
  }

  /** Names of all members but directories, in the archive's order. */
  names(): string[] {
    return [...this.#members.keys()];
  }

  size(name: string): number {
    return this.#need(name).size;
  }

  /** A small member, whole. Throws `Failure("limit")` above `maxBytes`. */
  read(name: string, maxBytes: number): Promise<Uint8Array> {
    return collect(this.stream(name), maxBytes, `${name} of the archive`);
  }

  /** A member's bytes from `offset` on. */
  async *stream(name: string, offset = 0): AsyncGenerator<Uint8Array, void, undefined> {
    const member = this.#need(name);
    for (let at = offset; at < member.size;) {
      // Of its own memory: a chunk belongs to who gets it, and may go to another thread.
      const buffer = Buffer.allocUnsafeSlow(Math.min(readSize, member.size - at));
      const { bytesRead } = await this.#file.read(buffer, 0, buffer.length, member.offset + at);
      if (bytesRead === 0) throw new Failure("corrupt", `archive member ${name} ends early`);
      at += bytesRead;
      yield buffer.subarray(0, bytesRead);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#file.close();
  }

  #need(name: string): Member {
    const member = this.#find(name);
    if (member === undefined)
      throw new Failure("corrupt", `the archive has no member ${JSON.stringify(name)}`);
    return member;
  }

  /** Follows links inside the archive, as `docker save` writes for a layer that it met before. */
  #find(name: string): Member | undefined {
    let at = memberName(name);
    for (let hops = 0; hops < maxHops; hops++) {
      const member = this.#members.get(at);
      if (member === undefined || member.type === "file") return member;
      const target = toText(member.linkPath);
      at = memberName(member.type === "symlink" ? posix.resolve("/", posix.dirname(at), target) : target);
    }
    return undefined;
  }
}

async function plainFile(source: string | ByteSource, options: OpenArchiveFileOptions): Promise<FileHandle> {
  const { signal } = options;
  if (typeof source !== "string") return spool(decompress(source, { signal }), options);
  const file = await openArchivePath(source);
  try {
    const stat = await file.stat();
    if (stat.isDirectory()) {
      throw new Failure("invalid", `cannot read image archive ${source}: is a directory`, {
        hint: `of an OCI layout: \`tar -C ${source} -c . | varve load\``,
      });
    }
    if (stat.isFile()) {
      const head = Buffer.alloc(detectionLength);
      const { bytesRead } = await file.read(head, 0, head.length, 0);
      if (detectCompression(head.subarray(0, bytesRead)) === "none") return file;
    }
  } catch (error) {
    await file.close();
    throw error;
  }
  await file.close();
  return spool(decompress(fromFile(source, { signal }), { signal }), options);
}

/** Docker's text for a file that is not there (os.Open of Go). */
async function openArchivePath(path: string): Promise<FileHandle> {
  try {
    return await open(path, "r");
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "ENOENT") {
      throw new Failure("not-found", `open ${path}: no such file or directory`, { cause: error });
    }
    if (code === "EACCES" || code === "EPERM") {
      throw new Failure("denied", `open ${path}: permission denied`, { cause: error });
    }
    throw error;
  }
}

/** All of the source in a file without a name. */
async function spool(source: ByteSource, options: OpenArchiveFileOptions): Promise<FileHandle> {
  const directory = options.temporaryDirectory ?? tmpdir();
  const path = join(directory, `varve-archive-${randomBytes(8).toString("hex")}`);
  const file = await open(path, "wx+", 0o600);
  try {
    await unlink(path);
    for await (const chunk of source) {
      throwIfCancelled(options.signal);
      await writeAll(file, chunk, directory);
    }
    return file;
  } catch (error) {
    await file.close();
    throw error;
  }
}

async function writeAll(file: FileHandle, chunk: Uint8Array, directory: string): Promise<void> {
  for (let at = 0; at < chunk.length;) {
    try {
      at += (await file.write(chunk, at, chunk.length - at, null)).bytesWritten;
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code !== "ENOSPC" && code !== "EDQUOT") throw error;
      throw new Failure(
        "no-space",
        `cannot unpack the image archive to ${directory}: no space left on device`,
        {
          cause: error,
          hint: "an uncompressed archive in a file is read in place: give it with -i",
        },
      );
    }
  }
}
