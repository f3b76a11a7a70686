/** Where the members of a tar lie, found without reading their contents. */
import type { FileHandle } from "node:fs/promises";
import { posix } from "node:path";
import { toText, type ByteString } from "../byte_string.ts";
import { throwIfCancelled } from "../bytes/index.ts";
import { Failure } from "../errors.ts";
import { TarParser, type EntryType, type RawSink, type TarSink } from "../tar/index.ts";

export interface Member {
  readonly type: EntryType;
  /** Place of the content in the archive, in bytes. */
  readonly offset: number;
  readonly size: number;
  readonly linkPath: ByteString;
}

/** More members than any archive of 125 layers and a few thousand images has; a bound against bombs. */
const maxMembers = 1_000_000;
/** Headers of small members come many at a time, large contents are jumped over: no need for more. Bytes. */
const readSize = 1 << 16;
/** Given to the parser in place of content, which nobody looks at. */
const unread = Buffer.alloc(1 << 20);

/**
 * All members but directories, by name without `./` and `/` in front. A later member of the same name wins, as in tar.
 * Throws `Failure("corrupt")` for what is no tar or is cut off, `Failure("invalid")` for sparse members.
 */
export async function indexMembers(file: FileHandle, signal: AbortSignal): Promise<Map<string, Member>> {
  const { size: end } = await file.stat();
  const members = new Map<string, Member>();
  const place = { at: 0, contentEnd: 0 };
  const parser = new TarParser(new MemberSink(members, place), { raw: positionOf(place) });
  const buffer = Buffer.allocUnsafe(readSize);
  // Ahead of the place by the part of a block that the parser keeps until the rest of it comes.
  let next = 0;
  while (next < end) {
    throwIfCancelled(signal);
    const { bytesRead } = await file.read(buffer, 0, buffer.length, next);
    if (bytesRead === 0) break;
    next += bytesRead;
    parser.write(buffer.subarray(0, bytesRead));
    if (place.contentEnd > end) break;
    while (place.at < place.contentEnd) {
      parser.write(unread.subarray(0, Math.min(unread.length, place.contentEnd - place.at)));
    }
    next = Math.max(next, place.at);
  }
  parser.end();
  return members;
}

interface Place {
  /** Bytes that the parser has had. */
  at: number;
  /** Where the content of the present member ends. */
  contentEnd: number;
}

function positionOf(place: Place): RawSink {
  const forward = (chunk: Uint8Array): void => void (place.at += chunk.length);
  return {
    raw: forward,
    beginContent: (_name, size) => void (place.contentEnd = place.at + size),
    content: forward,
  };
}

class MemberSink implements TarSink {
  readonly #members: Map<string, Member>;
  readonly #place: Place;

  constructor(members: Map<string, Member>, place: Place) {
    this.#members = members;
    this.#place = place;
  }

  entry({ path, type, size, linkPath, sparse }: Parameters<TarSink["entry"]>[0]): void {
    const name = memberName(toText(path));
    if (sparse !== undefined) throw new Failure("invalid", `sparse member ${name} in an image archive`);
    if (type !== "directory") this.#members.set(name, { type, size, linkPath, offset: this.#place.at });
    if (this.#members.size > maxMembers)
      throw new Failure("limit", `the archive has more than ${maxMembers} members`);
  }

  data(): void {}

  endEntry(): void {}
}

/** One spelling for each name; `..` leads nowhere above the archive. */
export function memberName(path: string): string {
  return posix.normalize(`/${path}`).slice(1);
}
