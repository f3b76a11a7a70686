/** A tar archive on disk with an index of its members, so that any of them can be read in any order. */
import { randomBytes } from "node:crypto";
import { open, unlink, type FileHandle } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, posix } from "node:path";
import { toText, type ByteString } from "../byte_string.ts";
import { collect, decompress, detectCompression, fromFile, type ByteSource } from "../bytes/index.ts";
import { Failure } from "../errors.ts";
import { TarParser, type EntryType, type RawSink, type TarSink } from "../tar/index.ts";

interface Member {
  readonly type: EntryType;
  /** Place of the content in the archive, in bytes. */
  readonly offset: number;
  readonly size: number;
  readonly linkPath: ByteString;
}

const readSize = 1 << 20;
/** More members than any archive of 125 layers and a few thousand images has; a bound against bombs. */
const maxMembers = 1_000_000;

export interface OpenArchiveFileOptions {
  readonly signal: AbortSignal;
  /** Where a piped or compressed archive is unpacked to (default: the system's). */
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

  /** Names of all regular members, `./` taken off. */
  names(): string[] {
    return [...this.#members.keys()];
  }

  size(name: string): number {
    return this.#need(name).size;
  }

  /** A small member, whole. Throws `Failure("limit")` above `maxBytes`. */
  read(name: string, maxBytes: number): Promise<Uint8Array> {
    return collect(this.stream(name), maxBytes);
  }

  /** A member's bytes from `offset` on. */
  async *stream(name: string, offset = 0): AsyncGenerator<Uint8Array, void, undefined> {
    const member = this.#need(name);
    for (let at = offset; at < member.size;) {
      const buffer = Buffer.allocUnsafe(Math.min(readSize, member.size - at));
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
    let at = normalise(name);
    for (let hops = 0; hops < 8; hops++) {
      const member = this.#members.get(at);
      if (member === undefined || member.type === "file") return member;
      const target = toText(member.linkPath);
      at = normalise(member.type === "symlink" ? posix.join(posix.dirname(at), target) : target);
    }
    return undefined;
  }
}

function normalise(name: string): string {
  return posix.normalize(`/${name}`).slice(1);
}

async function plainFile(source: string | ByteSource, options: OpenArchiveFileOptions): Promise<FileHandle> {
  if (typeof source === "string") {
    const file = await open(source, "r");
    const head = Buffer.alloc(512);
    const { bytesRead } = await file.read(head, 0, head.length, 0);
    const regular = (await file.stat()).isFile();
    if (regular && detectCompression(head.subarray(0, bytesRead)) === "none") return file;
    await file.close();
    return spool(decompress(fromFile(source, {})), options);
  }
  return spool(decompress(source), options);
}

async function spool(source: ByteSource, options: OpenArchiveFileOptions): Promise<FileHandle> {
  const path = join(
    options.temporaryDirectory ?? tmpdir(),
    `varve-archive-${randomBytes(8).toString("hex")}`,
  );
  const file = await open(path, "wx+", 0o600);
  try {
    await unlink(path);
    for await (const chunk of source) {
      options.signal.throwIfAborted();
      await file.write(chunk);
    }
    return file;
  } catch (error) {
    await file.close();
    throw error;
  }
}

/** One pass over the archive: where each member's content lies. A later member of the same name wins, as in tar. */
async function indexMembers(file: FileHandle, signal: AbortSignal): Promise<Map<string, Member>> {
  const members = new Map<string, Member>();
  let position = 0;
  let contentAt = 0;
  const raw: RawSink = {
    raw: (chunk) => (position += chunk.length),
    beginContent: () => (contentAt = position),
    content: (chunk) => (position += chunk.length),
  };
  let name = "";
  let entry: Omit<Member, "offset"> | undefined;
  const sink: TarSink = {
    entry: ({ path, type, size, linkPath, sparse }) => {
      if (sparse !== undefined)
        throw new Failure("invalid", `sparse member ${toText(path)} in an image archive`);
      contentAt = position;
      name = normalise(toText(path));
      entry = type === "directory" ? undefined : { type, size, linkPath };
    },
    data: () => undefined,
    endEntry: () => {
      if (entry !== undefined) members.set(name, { ...entry, offset: contentAt });
      if (members.size > maxMembers)
        throw new Failure("limit", `the archive has more than ${maxMembers} members`);
    },
  };
  const parser = new TarParser(sink, { raw });
  for (let at = 0; ;) {
    signal.throwIfAborted();
    const buffer = Buffer.allocUnsafe(readSize);
    const { bytesRead } = await file.read(buffer, 0, buffer.length, at);
    if (bytesRead === 0) break;
    at += bytesRead;
    parser.write(buffer.subarray(0, bytesRead));
  }
  parser.end();
  return members;
}
