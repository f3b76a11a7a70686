/** Writes tar-split's record of an archive: all of it but the files' contents. */
import { isUtf8 } from "node:buffer";
import { posix } from "node:path";
import { isAscii, type ByteString } from "../byte_string.ts";
import { Failure } from "../errors.ts";
import { Crc64 } from "./crc64.ts";
import type { RawSink } from "./entry.ts";
import { quoted } from "./text.ts";

const flushAt = 256 * 1024;
/** Memory of writers that have ended, for the next ones. */
const spare: Buffer[] = [];
/**
 * What follows the end blocks is cut where the archive's offset is divisible by this. tar-split cuts wherever its
 * reader happens to return; that is the buffer of 32 KiB in dockerd's usual paths.
 */
const restPiece = 32 * 1024;
/** Longer segments are cut too; no header comes near it, but the content of a sparse file may. */
const maxSegment = 3 << 20;

/**
 * Give it to a `TarParser` as `raw`, and call {@link end} after the parser's `end`. The receiver gets JSON lines as
 * Docker's `tar-split.json` has them (behaviours B137 to B139), in chunks that are valid only during the call.
 *
 * A sparse file's stored form cannot be told from the file on disk, so all of it becomes segments; tar-split itself
 * loses such layers. Throws `Failure("invalid")` with Docker's text for an archive that has a path twice: the first
 * one's content would be gone.
 */
export class TarSplitWriter implements RawSink {
  private readonly write: (chunk: Uint8Array) => void;
  private readonly out = spare.pop() ?? Buffer.allocUnsafeSlow(flushAt);
  private used = 0;
  private segment = Buffer.allocUnsafeSlow(16 * 1024);
  private segmentLength = 0;
  private position = 0;
  /** Name of the file whose content is coming; its line is written when the content is complete. */
  private file: ByteString | undefined;
  private fileSize = 0;
  /** Bytes of the archive so far. */
  private total = 0;
  private atRest = false;
  private readonly crc = new Crc64();
  private readonly seen = new Set<ByteString>();

  constructor(write: (chunk: Uint8Array) => void) {
    this.write = write;
  }

  raw(chunk: Uint8Array): void {
    if (this.file !== undefined) this.endFile();
    for (let at = 0; at < chunk.length;) {
      const room = this.atRest ? restPiece - (this.total % restPiece) : maxSegment - this.segmentLength;
      const taken = Math.min(chunk.length - at, room);
      this.reserve(taken);
      this.segment.set(taken === chunk.length ? chunk : chunk.subarray(at, at + taken), this.segmentLength);
      this.segmentLength += taken;
      this.total += taken;
      at += taken;
      if (taken === room) this.endSegment();
    }
  }

  beginContent(name: ByteString, storedSize: number): void {
    if (this.file !== undefined) this.endFile();
    if (this.segmentLength > 0) this.endSegment();
    const path = cleaned(name);
    if (this.seen.has(path)) {
      throw new Failure("invalid", `duplicates of file paths not supported: ${quoted(path)}`);
    }
    this.seen.add(path);
    this.file = name;
    this.fileSize = storedSize;
  }

  content(chunk: Uint8Array): void {
    this.crc.update(chunk);
    this.total += chunk.length;
  }

  beginRest(): void {
    this.endSegment();
    this.atRest = true;
  }

  /** Writes what is left, and the empty segment that ends the record. Once; the writer is of no more use then. */
  end(): void {
    if (this.file !== undefined) this.endFile();
    if (this.segmentLength > 0) this.endSegment();
    this.endSegment();
    this.flush();
    spare.push(this.out);
  }

  private endSegment(): void {
    const payload = this.segment.toString("base64", 0, this.segmentLength);
    this.line(`{"type":2,"payload":"${payload}","position":${this.position++}}\n`);
    this.segmentLength = 0;
  }

  private endFile(): void {
    const size = this.fileSize;
    const detail = size === 0 ? '"payload":null' : `"size":${size},"payload":"${this.crc.take()}"`;
    this.line(`{"type":1,${nameField(this.file as ByteString)}${detail},"position":${this.position++}}\n`);
    this.file = undefined;
  }

  private line(text: string): void {
    if (this.used + text.length > flushAt) this.flush();
    if (text.length > flushAt) this.write(Buffer.from(text, "latin1"));
    else this.used += this.out.write(text, this.used, "latin1");
  }

  private flush(): void {
    if (this.used > 0) this.write(this.out.subarray(0, this.used));
    this.used = 0;
  }

  private reserve(more: number): void {
    const needed = this.segmentLength + more;
    if (needed <= this.segment.length) return;
    const larger = Buffer.allocUnsafeSlow(Math.max(needed, 2 * this.segment.length));
    this.segment.copy(larger, 0, 0, this.segmentLength);
    this.segment = larger;
  }
}

/** As Go's filepath.Clean, by which tar-split compares paths. */
function cleaned(name: ByteString): ByteString {
  const path = name.endsWith("/") ? name.slice(0, -1) : name;
  if (!/(?:^|\/)\.{0,2}(?:\/|$)/.test(path)) return path;
  const clean = posix.normalize(name);
  return clean.length > 1 && clean.endsWith("/") ? clean.slice(0, -1) : clean;
}

/** The name as Go's encoding/json spells it, in UTF-8; names that are not UTF-8 go in base64. */
function nameField(name: ByteString): string {
  if (name === "") return "";
  if (!isAscii(name)) {
    const bytes = Buffer.from(name, "latin1");
    if (!isUtf8(bytes)) return `"name_raw":"${bytes.toString("base64")}",`;
    // U+2028 and U+2029, which Go escapes for the sake of JavaScript
    return `"name":"${escaped(name).replace(/\xe2\x80([\xa8\xa9])/g, (_, last) => (last === "\xa8" ? "\\u2028" : "\\u2029"))}",`;
  }
  return `"name":"${escaped(name)}",`;
}

const escapes: Record<string, string> = { '"': '\\"', "\\": "\\\\", "\n": "\\n", "\r": "\\r", "\t": "\\t" };

function escaped(name: ByteString): string {
  return name.replace(
    /[\x00-\x1f"\\<>&]/g,
    (char) => escapes[char] ?? `\\u${char.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}
