/** The end of what a command has printed, for the error. */
const maximumBytes = 8 << 10;
const maximumLines = 20;

export class OutputTail {
  #kept = Buffer.alloc(0);

  add(chunk: Uint8Array): void {
    this.#kept = Buffer.from(Buffer.concat([this.#kept, chunk]).subarray(-maximumBytes));
  }

  /** The last lines, without control characters that would move a terminal's cursor. */
  lines(): string {
    const text = this.#kept
      .toString("utf8")
      .replaceAll("\r\n", "\n")
      .replaceAll("\r", "\n")
      // eslint-disable-next-line no-control-regex
      .replace(/\x1b\[[0-9;?]*[A-Za-z]|[\x00-\x08\x0b-\x1f\x7f]/g, "")
      .trimEnd();
    return text.split("\n").slice(-maximumLines).join("\n");
  }
}
