/** Reads tar archives of all common dialects, chunk by chunk. */
import type { ByteString } from "../byte_string.ts";
import { Failure, isFailure } from "../errors.ts";
import type { RawSink, SparseRange, TarEntry, TarSink } from "./entry.ts";
import { blockSize, isZeroBlock, readHeader, readNumber, readString, type Header } from "./header.ts";
import { entryOf, paddingOf, typeOf } from "./make_entry.ts";
import { decimal, parsePax, type PaxHeader } from "./pax.ts";
import { checkMap, ContentMap, mapFromRecords, maxMapSize, readOldGnuMap, sparseFormatOf } from "./sparse.ts";
import { quoted } from "./text.ts";

export interface TarLimits {
  /** Bytes of one PAX header or GNU long name; default 1 MiB, as in Go's archive/tar and libarchive. */
  readonly header?: number;
  /** Bytes of all such headers in front of one entry; default 4 MiB. */
  readonly headers?: number;
}

export interface TarParserOptions {
  /** Sees all bytes of the archive, for tar-split. */
  readonly raw?: RawSink;
  readonly limits?: TarLimits;
}

/** What the next bytes are. All but `content`, `skip` and `rest` are gathered until they are complete. */
type State =
  | "header"
  | "pax"
  | "global"
  | "longName"
  | "longLink"
  | "oldSparse"
  | "sparseMap"
  | "content"
  | "skip"
  | "end"
  | "rest";

const none: ByteString = "";
const empty = Buffer.alloc(0);

/**
 * A push parser: give it the archive with {@link write} in chunks of any size, then call {@link end}; it calls the
 * sink synchronously and keeps no chunk. It understands v7, ustar, star, GNU (long names, base-256 numbers, old
 * sparse files) and PAX (all of {@link PaxHeader}). Where dialects leave room it decides as Go's archive/tar does,
 * because that is what Docker accepts: links, devices and directories have no content whatever their size field
 * says; global headers are skipped; what follows the two zero blocks at the end is tolerated.
 *
 * Throws `Failure("corrupt")` for a malformed or truncated archive, `"limit"` where a bound is passed and
 * `"unsupported"` for entry types that Docker does not take either. After a failure the parser is of no more use.
 */
export class TarParser {
  private readonly sink: TarSink;
  private readonly raw: RawSink | undefined;
  private readonly maxHeader: number;
  private readonly maxHeaders: number;

  private state: State = "header";
  /** Bytes that `state` still needs: of content and skipped bytes, or of one gathered piece. */
  private need = blockSize;
  /** Begin of a piece whose rest is in the next chunk. */
  private pending: Buffer = empty;
  private pendingLength = 0;
  /** Bytes of the archive before the current chunk. */
  private before = 0;
  /** Padding after the current content or extended header. */
  private pad = 0;

  private pax: PaxHeader | undefined;
  private longName = none;
  private longLink = none;
  private headersSize = 0;

  private path = none;
  /** Place of the next content byte in the logical file. */
  private offset = 0;
  private sparse: SparseRange[] | undefined;
  private range = 0;
  private rangeDone = 0;
  private contentMap: ContentMap | undefined;
  /** A sparse entry whose map is not complete yet. */
  private waiting: TarEntry | undefined;
  private stored = 0;

  constructor(sink: TarSink, options: TarParserOptions = {}) {
    this.sink = sink;
    this.raw = options.raw;
    this.maxHeader = options.limits?.header ?? 1 << 20;
    this.maxHeaders = options.limits?.headers ?? 4 << 20;
  }

  /** Takes the next bytes of the archive. The chunk may be reused after the call. */
  write(chunk: Uint8Array): void {
    const bytes = Buffer.isBuffer(chunk)
      ? chunk
      : Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength);
    const end = bytes.length;
    let at = 0;
    while (at < end) {
      if (this.state === "content") at = this.content(bytes, at, end);
      else if (this.state === "skip" || this.state === "rest") at = this.skip(bytes, at, end);
      else at = this.gather(bytes, at, end);
    }
    this.before += end;
  }

  /** Says that the archive is complete. Throws `Failure("corrupt")` if it ends in the middle of something. */
  end(): void {
    const { state } = this;
    // Like Go: no end blocks at all, one of two, or missing padding are no error.
    if (
      state === "rest" ||
      state === "end" ||
      ((state === "header" || state === "skip") && !this.headersSize)
    ) {
      if (this.pendingLength === 0) return;
    }
    const where =
      state === "content"
        ? `in the content of ${quoted(this.path)}: ${this.need} bytes are missing`
        : "in a header";
    throw new Failure("corrupt", `unexpected end of tar after ${this.before} bytes, ${where}`);
  }

  /** Makes `need` bytes contiguous, in place if they lie in one chunk, and hands them on. */
  private gather(bytes: Buffer, at: number, end: number): number {
    const { need, pendingLength } = this;
    if (pendingLength === 0 && end - at >= need) {
      this.raw?.raw(bytes.subarray(at, at + need));
      this.piece(bytes, at, this.before + at);
      return at + need;
    }
    if (this.pending.length < need) {
      const larger = Buffer.allocUnsafeSlow(need);
      this.pending.copy(larger, 0, 0, pendingLength);
      this.pending = larger;
    }
    const taken = Math.min(need - pendingLength, end - at);
    bytes.copy(this.pending, pendingLength, at, at + taken);
    this.pendingLength += taken;
    if (this.pendingLength === need) {
      this.pendingLength = 0;
      this.raw?.raw(this.pending.subarray(0, need));
      this.piece(this.pending, 0, this.before + at + taken - need);
    }
    return at + taken;
  }

  private piece(bytes: Buffer, at: number, position: number): void {
    try {
      this.complete(bytes, at);
    } catch (error) {
      if (!isFailure(error, "corrupt") || error.cause !== undefined) throw error;
      throw new Failure("corrupt", `invalid tar header at byte ${position}: ${error.message}`, {
        cause: error,
      });
    }
  }

  /** Handles a gathered piece of `need` bytes at `at` and says what comes next. */
  private complete(bytes: Buffer, at: number): void {
    const { need } = this;
    switch (this.state) {
      case "header":
        if (isZeroBlock(bytes, at)) this.expect("end", blockSize);
        else this.header(readHeader(bytes, at), bytes, at);
        return;
      case "end":
        if (!isZeroBlock(bytes, at)) throw new Failure("corrupt", "a zero block is followed by more headers");
        this.expect("rest", Infinity);
        this.raw?.beginRest?.();
        return;
      case "pax":
        this.pax = parsePax(bytes, at, at + need);
        this.afterExtended();
        return;
      case "global":
        parsePax(bytes, at, at + need);
        this.raw?.beginContent(this.path, 0);
        this.headersSize = 0;
        this.afterExtended();
        return;
      case "longName":
        this.longName = readString(bytes, at, need);
        this.afterExtended();
        return;
      case "longLink":
        this.longLink = readString(bytes, at, need);
        this.afterExtended();
        return;
      case "oldSparse":
        this.oldSparse(bytes, at, 21);
        return;
      case "sparseMap":
        this.sparseMap(bytes, at);
        return;
    }
  }

  private expect(state: State, need: number): void {
    this.state = state;
    this.need = need;
  }

  private afterExtended(): void {
    if (this.pad > 0) this.expect("skip", this.pad);
    else this.expect("header", blockSize);
  }

  private header(header: Header, block: Buffer, at: number): void {
    switch (header.flag) {
      case 0x78: // x
        return this.extended("pax", header);
      case 0x67: // g
        this.path = header.path;
        return this.extended("global", header);
      case 0x4c: // L
        return this.extended("longName", header);
      case 0x4b: // K
        return this.extended("longLink", header);
      default:
        return this.begin(header, block, at);
    }
  }

  private extended(state: State, { size }: Header): void {
    if (size < 0) throw new Failure("corrupt", `an extended header has the size ${size}`);
    if (size > this.maxHeader)
      throw new Failure("limit", `tar header of ${size} bytes is over ${this.maxHeader}`);
    this.headersSize += size + blockSize;
    if (this.headersSize > this.maxHeaders) {
      throw new Failure("limit", `tar headers of one entry are over ${this.maxHeaders} bytes`);
    }
    this.pad = paddingOf(size);
    this.expect(state, size);
    if (size === 0) this.complete(empty, 0);
  }

  /** Turns header and extended headers into an entry. */
  private begin(header: Header, block: Buffer, at: number): void {
    const { pax = {}, longName, longLink } = this;
    this.pax = undefined;
    this.longName = this.longLink = none;
    this.headersSize = 0;
    let path = longName || (pax.path ?? header.path);
    const format = header.flag === 0x53 ? "none" : sparseFormatOf(pax.sparse);
    if (format !== "none" && pax.sparse?.name !== undefined) path = pax.sparse.name;
    const type = typeOf(header.flag, path);
    const stored = type === "file" ? (pax.size ?? header.size) : 0;
    if (stored < 0) throw new Failure("corrupt", `${quoted(path)} has the size ${stored}`);
    const entry = entryOf(header, pax, path, longLink || (pax.linkPath ?? header.linkPath), type, stored);
    this.path = path;
    this.offset = 0;
    this.stored = stored;
    this.pad = paddingOf(stored);
    if (header.flag === 0x53) this.beginOldSparse(entry, header, block, at);
    else if (format === "none" || pax.sparse === undefined) this.emit(entry);
    else if (type !== "file") throw new Failure("corrupt", `${quoted(path)} is sparse but no file`);
    else this.beginSparse(entry, pax, format);
  }

  private beginSparse(entry: TarEntry, { sparse = {} }: PaxHeader, format: "records" | "content"): void {
    if (sparse.size !== undefined) entry.size = decimal(sparse.size, "GNU.sparse.size");
    if (format === "records") return this.emitSparse(entry, mapFromRecords(sparse));
    this.raw?.beginContent(entry.path, 0);
    this.waiting = entry;
    this.contentMap = new ContentMap();
    this.expectMap();
  }

  private expectMap(): void {
    if (this.stored < blockSize)
      throw new Failure("corrupt", `the sparse map of ${quoted(this.path)} is cut off`);
    this.expect("sparseMap", blockSize);
  }

  private sparseMap(block: Buffer, at: number): void {
    this.stored -= blockSize;
    const ranges = (this.contentMap as ContentMap).add(block, at);
    if (ranges === undefined) this.expectMap();
    else this.emitSparse(this.waiting as TarEntry, ranges);
  }

  private beginOldSparse(entry: TarEntry, header: Header, block: Buffer, at: number): void {
    // star uses the same type flag for a layout of its own, which nobody has written for decades.
    if (header.format !== "gnu") throw new Failure("corrupt", "a sparse file in a header that is not GNU's");
    entry.size = readNumber(block, at + 483, 12);
    this.waiting = entry;
    this.sparse = [];
    this.oldSparse(block, at + 386, 4);
  }

  /** Reads `entries` map entries; the byte after them tells whether an extension block follows. */
  private oldSparse(block: Buffer, at: number, entries: number): void {
    const ranges = this.sparse as SparseRange[];
    readOldGnuMap(block, at, entries, ranges);
    if (ranges.length * 24 > maxMapSize) throw new Failure("limit", `sparse map is over ${maxMapSize} bytes`);
    if (block[at + entries * 24] === 0) return this.emitSparse(this.waiting as TarEntry, ranges);
    this.headersSize += blockSize;
    if (this.headersSize > this.maxHeaders) throw new Failure("limit", "endless sparse map");
    this.expect("oldSparse", blockSize);
  }

  private emitSparse(entry: TarEntry, ranges: SparseRange[]): void {
    entry.sparse = checkMap(ranges, entry.size, this.stored);
    if (this.contentMap === undefined) this.raw?.beginContent(entry.path, 0);
    this.waiting = this.contentMap = undefined;
    this.headersSize = 0;
    this.sparse = entry.sparse;
    this.range = this.rangeDone = 0;
    this.sink.entry(entry);
    this.startContent();
  }

  private emit(entry: TarEntry): void {
    this.sparse = undefined;
    this.raw?.beginContent(entry.path, this.stored);
    this.sink.entry(entry);
    this.startContent();
  }

  private startContent(): void {
    this.expect("content", this.stored);
    if (this.stored === 0) this.endEntry();
  }

  private endEntry(): void {
    this.sparse = undefined;
    this.sink.endEntry();
    this.afterExtended();
  }

  private content(bytes: Buffer, at: number, end: number): number {
    const { sparse } = this;
    let taken = Math.min(this.need, end - at);
    if (sparse === undefined) {
      const piece = taken === bytes.length ? bytes : bytes.subarray(at, at + taken);
      this.raw?.content(piece);
      this.sink.data(piece, this.offset);
      this.offset += taken;
    } else {
      const { offset, length } = sparse[this.range] as SparseRange;
      taken = Math.min(taken, length - this.rangeDone);
      const piece = bytes.subarray(at, at + taken);
      this.raw?.raw(piece);
      this.sink.data(piece, offset + this.rangeDone);
      this.rangeDone += taken;
      if (this.rangeDone === length) {
        this.range++;
        this.rangeDone = 0;
      }
    }
    this.need -= taken;
    if (this.need === 0) this.endEntry();
    return at + taken;
  }

  /** Padding, and all that comes after the end blocks. */
  private skip(bytes: Buffer, at: number, end: number): number {
    const taken = Math.min(this.need, end - at);
    this.raw?.raw(bytes.subarray(at, at + taken));
    this.need -= taken;
    if (this.need === 0) this.expect("header", blockSize);
    return at + taken;
  }
}
