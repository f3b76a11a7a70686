/** Writes tar archives, byte for byte as Docker does. */
import { Failure } from "../errors.ts";
import type { TarEntry, TarSink } from "./entry.ts";
import { formatHeader } from "./format_header.ts";
import { blockSize } from "./header.ts";
import { paddingOf } from "./make_entry.ts";
import { quoted } from "./text.ts";

export interface TarWriterOptions {
  /** Keep nanoseconds and access times, in PAX records. Default false: whole seconds, as Docker's layers have. */
  readonly nanoseconds?: boolean;
  /** Bytes of the chunks handed on; default 256 KiB. */
  readonly chunkSize?: number;
}

const zeros = Buffer.alloc(64 * 1024);

/**
 * A push writer. It is a {@link TarSink}, so a parser can feed it. For each entry call {@link entry}, then
 * {@link data} until `size` bytes are written (files only), then {@link endEntry}; call {@link end} last.
 *
 * The dialect is the one of behaviours B141: ustar, PAX only where ustar cannot say it (names that are long or not
 * ASCII, large numbers, negative times, xattrs), never GNU. Sparse files are written out in full, as Docker does.
 * The chunks given to `write` are whole (`chunkSize` bytes, but for the last) and belong to the receiver.
 */
export class TarWriter implements TarSink {
  private readonly write: (chunk: Uint8Array) => void;
  private readonly nanoseconds: boolean;
  private readonly chunkSize: number;
  private chunk: Buffer;
  private used = 0;
  private current: TarEntry | undefined;
  private written = 0;

  constructor(write: (chunk: Uint8Array) => void, options: TarWriterOptions = {}) {
    this.write = write;
    this.nanoseconds = options.nanoseconds ?? false;
    this.chunkSize = options.chunkSize ?? 256 * 1024;
    this.chunk = Buffer.allocUnsafeSlow(this.chunkSize);
  }

  /**
   * Begins an entry. `typeBits: false` leaves the type out of the mode field, as Docker's whiteouts have it.
   * Throws `Failure("invalid")` for an entry that a tar cannot hold.
   */
  entry(entry: TarEntry, options: { readonly typeBits?: boolean } = {}): void {
    if (this.current !== undefined) this.wrong(`cannot begin ${quoted(entry.path)}: it is not ended`);
    const style = { nanoseconds: this.nanoseconds, typeBits: options.typeBits ?? true };
    this.append(formatHeader(entry, style));
    this.current = entry;
    this.written = 0;
  }

  /**
   * Content of the current file. `offset` defaults to where the last chunk ended; a gap is filled with zeros.
   * Throws `Failure("invalid")` for bytes over `size` or out of order.
   */
  data(chunk: Uint8Array, offset: number = this.written): void {
    const { current } = this;
    const room = current?.type === "file" ? current.size - offset : 0;
    if (chunk.length > room) this.wrong(`${chunk.length} bytes at ${offset} are over its size`);
    if (offset < this.written) this.wrong(`bytes at ${offset} come after byte ${this.written}`);
    this.fill(offset - this.written);
    this.append(chunk);
    this.written = offset + chunk.length;
  }

  /** Ends the entry. Throws `Failure("invalid")` if content is missing (the end of a sparse file is filled in). */
  endEntry(): void {
    const { current } = this;
    if (current === undefined) throw new Failure("internal", "no tar entry was begun");
    const size = current.type === "file" ? current.size : 0;
    if (this.written < size) {
      if (current.sparse === undefined) this.wrong(`${size - this.written} bytes of content are missing`);
      this.fill(size - this.written);
    }
    this.fill(paddingOf(size));
    this.current = undefined;
  }

  /** Writes the two zero blocks at the end. */
  end(): void {
    if (this.current !== undefined) this.wrong("cannot end the archive: it is not ended");
    this.fill(2 * blockSize);
    if (this.used > 0) this.write(this.chunk.subarray(0, this.used));
    this.used = 0;
  }

  private wrong(why: string): never {
    throw new Failure("invalid", `tar entry ${quoted(this.current?.path ?? "")}: ${why}`);
  }

  private fill(length: number): void {
    for (; length > zeros.length; length -= zeros.length) this.append(zeros);
    if (length > 0) this.append(length === zeros.length ? zeros : zeros.subarray(0, length));
  }

  private append(bytes: Uint8Array): void {
    let at = 0;
    while (at < bytes.length) {
      const taken = Math.min(bytes.length - at, this.chunkSize - this.used);
      this.chunk.set(taken === bytes.length ? bytes : bytes.subarray(at, at + taken), this.used);
      this.used += taken;
      at += taken;
      if (this.used === this.chunkSize) {
        this.write(this.chunk);
        this.chunk = Buffer.allocUnsafeSlow(this.chunkSize);
        this.used = 0;
      }
    }
  }
}
