/** Cuts a stream of bytes into the lines of a log. */

/** Docker splits longer lines into several records (moby, daemon/logger/copier.go). */
export const maxLine = 16 * 1024;

export class LineSplitter {
  #pending: Buffer;

  /** @param pending what an earlier splitter has kept */
  constructor(pending: Uint8Array = new Uint8Array()) {
    this.#pending = Buffer.from(pending);
  }

  /** What has come since the last whole line; less than {@link maxLine} bytes. */
  get pending(): Uint8Array {
    return this.#pending;
  }

  /** The lines that are whole now, in memory of their own. */
  add(chunk: Uint8Array): Uint8Array[] {
    const bytes = Buffer.concat([this.#pending, chunk]);
    const lines: Uint8Array[] = [];
    let start = 0;
    for (;;) {
      const feed = bytes.subarray(start, start + maxLine).indexOf(0x0a);
      const length = feed >= 0 ? feed + 1 : bytes.length - start >= maxLine ? maxLine : 0;
      if (length === 0) break;
      lines.push(bytes.subarray(start, start + length));
      start += length;
    }
    this.#pending = bytes.subarray(start);
    return lines;
  }

  /** The last line, which has no end. */
  flush(): Uint8Array[] {
    const last = this.#pending;
    this.#pending = Buffer.alloc(0);
    return last.length === 0 ? [] : [last];
  }
}
