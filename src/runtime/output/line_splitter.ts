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
      const length =
        feed >= 0 ? feed + 1 : bytes.length - start >= maxLine ? wholeCharacters(bytes, start) : 0;
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

/** Of the first {@link maxLine} bytes from `start`, so many that no character of UTF-8 is cut. */
function wholeCharacters(bytes: Uint8Array, start: number): number {
  const end = start + maxLine;
  for (let back = 1; back <= 3; back++) {
    const byte = bytes[end - back] as number;
    if (byte < 0x80) break;
    if (byte < 0xc0) continue;
    const length = byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : 2;
    return length > back ? maxLine - back : maxLine;
  }
  return maxLine;
}
