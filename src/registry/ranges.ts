/** `Range` of a GET (RFC 9110, section 14) and the parts that answer several of them. */
import { randomBytes } from "node:crypto";
import type { ByteSource } from "../bytes/index.ts";
import type { ByteRange } from "./storage/types.ts";

/** More parts than a client would need are answered with the whole (RFC 9110, section 17.15). */
const maxRanges = 32;

/**
 * Reads the header for a body of `size` bytes. Undefined: answer with the whole. A first byte behind the last one is
 * `unsatisfiable`, as Go's servers have it, though the RFC would let it be overlooked.
 */
export function parseRanges(
  header: string | undefined,
  size: number,
): readonly ByteRange[] | "unsatisfiable" | undefined {
  const list = /^bytes=(.*)$/.exec(header ?? "")?.[1]?.split(",") ?? [];
  if (list.length === 0 || list.length > maxRanges) return undefined;
  const ranges: ByteRange[] = [];
  for (const text of list) {
    const match = /^\s*(\d*)-(\d*)\s*$/.exec(text);
    if (match === null || (match[1] === "" && match[2] === "")) return undefined;
    const range = rangeOf(match[1] as string, match[2] as string, size);
    if (range === "inverted") return "unsatisfiable";
    if (range !== undefined) ranges.push(range);
  }
  if (ranges.length === 0) return "unsatisfiable";
  const wanted = ranges.reduce((sum, { start, end }) => sum + end - start + 1, 0);
  return ranges.length > 1 && wanted >= size ? undefined : ranges;
}

function rangeOf(first: string, last: string, size: number): ByteRange | "inverted" | undefined {
  if (first === "") {
    const length = Math.min(Number(last), size);
    return length === 0 ? undefined : { start: size - length, end: size - 1 };
  }
  const start = Number(first);
  const end = last === "" ? size - 1 : Math.min(Number(last), size - 1);
  if (last !== "" && Number(last) < start) return "inverted";
  return start >= size ? undefined : { start, end };
}

export interface MultipartBody {
  readonly contentType: string;
  /** Bytes. */
  readonly length: number;
  source(): ByteSource;
}

/** `multipart/byteranges` (RFC 9110, section 14.6). */
export function multipartOf(
  ranges: readonly ByteRange[],
  size: number,
  open: (range: ByteRange) => ByteSource,
): MultipartBody {
  const boundary = randomBytes(16).toString("hex");
  const heads = ranges.map(({ start, end }) =>
    Buffer.from(
      `\r\n--${boundary}\r\nContent-Type: application/octet-stream\r\nContent-Range: bytes ${start}-${end}/${size}\r\n\r\n`,
    ),
  );
  const tail = Buffer.from(`\r\n--${boundary}--\r\n`);
  const bytes = ranges.reduce((sum, { start, end }) => sum + end - start + 1, 0);
  return {
    contentType: `multipart/byteranges; boundary=${boundary}`,
    length: heads.reduce((sum, head) => sum + head.length, bytes + tail.length),
    async *source() {
      for (const [i, range] of ranges.entries()) {
        yield heads[i] as Buffer;
        yield* open(range);
      }
      yield tail;
    },
  };
}
