/** A Dockerfile's bytes to lines. */

export interface SourceLine {
  readonly text: string;
  /** `\n`, `\r\n`; "" at the end of a file that does not end in a line feed. */
  readonly end: string;
}

/** Without a byte order mark. Bytes that are not UTF-8 become U+FFFD, as in every text that Docker keeps of them. */
export function sourceLines(source: string | Uint8Array): SourceLine[] {
  const text = typeof source === "string" ? source.replace(/^\uFEFF/, "") : new TextDecoder().decode(source);
  const lines: SourceLine[] = [];
  for (let start = 0; start < text.length;) {
    const feed = text.indexOf("\n", start);
    const next = feed < 0 ? text.length : feed + 1;
    let end = next;
    while (end > start && /[\r\n]/.test(text.charAt(end - 1))) end--;
    lines.push({ text: text.slice(start, end), end: text.slice(end, next) });
    start = next;
  }
  return lines;
}
