/** Reads a `.dockerignore`. */
import { posix } from "node:path";
import { Failure } from "../errors.ts";

/** Bytes of the longest line that Docker's reader takes (Go's bufio.MaxScanTokenSize). */
const lineLimit = 64 * 1024;

/**
 * The patterns of a `.dockerignore` in order, cleaned, exceptions with their `!` (moby patternmatcher,
 * `ignorefile.ReadAll`): a `#` in the very first column makes a comment; a leading slash means nothing.
 *
 * @param text the file's content; a byte order mark is skipped
 * @throws Failure("limit") for a line of 64 KiB
 */
export function parseIgnore(text: string): readonly string[] {
  const patterns: string[] = [];
  for (const line of text.replace(/^\uFEFF/, "").split("\n")) {
    if (Buffer.byteLength(line) >= lineLimit) {
      throw new Failure("limit", "error reading .dockerignore: bufio.Scanner: token too long");
    }
    if (line.startsWith("#")) continue;
    const word = trimSpace(line);
    if (word === "") continue;
    const exception = word.startsWith("!");
    const pattern = trimSpace(exception ? word.slice(1) : word);
    const cleaned = pattern === "" ? "" : cleanPattern(pattern).replace(/^\/(?=.)/, "");
    patterns.push(exception ? `!${cleaned}` : cleaned);
  }
  return patterns;
}

const space = "[\\t-\\r \\x85\\xA0\\u1680\\u2000-\\u200A\\u2028\\u2029\\u202F\\u205F\\u3000]+";
const spaceAround = new RegExp(`^${space}|${space}$`, "g");

/** Go's `strings.TrimSpace`: unlike JavaScript it takes U+0085 for space, and U+FEFF not. */
export function trimSpace(text: string): string {
  return text.replace(spaceAround, "");
}

/** Go's `filepath.Clean`, for what is not empty. */
export function cleanPattern(pattern: string): string {
  const normal = posix.normalize(pattern);
  return normal.length > 1 && normal.endsWith("/") ? normal.slice(0, -1) : normal;
}
