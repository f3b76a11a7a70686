/** How the lines of a log lie in its files. */
import type { OutputStream } from "../types.ts";

/** A line as it was logged. */
export interface LogRecord {
  readonly stream: OutputStream;
  /** Nanoseconds since 1970. */
  readonly time: bigint;
  /** With the line feed, if it has one. */
  readonly bytes: Uint8Array;
  /** Labels, variables and the tag of the container, where its log keeps them. */
  readonly attributes: Readonly<Record<string, string>>;
}

export interface LogFormat {
  /**
   * Where the record that begins at `at` ends.
   * @returns undefined when the rest of it has yet to come
   * @throws Failure("corrupt") for what cannot be the head of a record
   */
  end(bytes: Buffer, at: number): number | undefined;
  /** Undefined for a record that makes no sense: it is passed over. */
  decode(record: Buffer): LogRecord | undefined;
  /**
   * Where the last `count` records of a file begin, found from its end.
   * @returns `found`: how many there are, no more than `count`
   */
  findLast(fd: number, size: number, count: number): { readonly start: number; readonly found: number };
}

/** Bytes of the longest record that we believe in; Docker's own bound is the same. */
export const longestRecord = 1_000_000;
