/** `json-file`: records end with a line feed, and have none within. */
import { readSync } from "node:fs";
import { Failure } from "../../../errors.ts";
import { longestRecord, type LogFormat, type LogRecord } from "./log_format.ts";

const lineFeed = 0x0a;
const piece = 64 * 1024;

export const jsonFileFormat: LogFormat = {
  end(bytes, at) {
    const feed = bytes.indexOf(lineFeed, at);
    if (feed >= 0) return feed + 1;
    if (bytes.length - at > longestRecord) throw new Failure("corrupt", "log: a line of JSON does not end");
    return undefined;
  },

  decode(record) {
    try {
      const { log, stream, time, attrs } = JSON.parse(record.toString("utf8")) as Record<string, unknown>;
      if (typeof log !== "string" || typeof time !== "string") return undefined;
      return {
        stream: stream === "stderr" ? "stderr" : "stdout",
        time: nanoseconds(time),
        bytes: Buffer.from(log),
        attributes: (attrs ?? {}) as LogRecord["attributes"],
      };
    } catch {
      return undefined;
    }
  },

  findLast(fd, size, count) {
    const buffer = Buffer.alloc(piece);
    let [found, start] = [-1, size];
    // The feed before the first wanted record is one more than records; what stands behind the last feed is no record.
    for (let end = size; end > 0;) {
      const from = Math.max(0, end - piece);
      const length = readSync(fd, buffer, 0, end - from, from);
      for (let at = buffer.lastIndexOf(lineFeed, length - 1); at >= 0;) {
        start = from + at + 1;
        if (++found === count) return { start, found };
        at = at === 0 ? -1 : buffer.lastIndexOf(lineFeed, at - 1);
      }
      end = from;
    }
    return { start: 0, found: found + 1 };
  },
};

/** The last second that was read: most lines share it with the one before. */
const last = { text: "", nanoseconds: 0n };

/** @throws what `BigInt` and `Date` throw for what is no RFC 3339 */
function nanoseconds(time: string): bigint {
  const [, second = "", fraction = "", zone = ""] =
    /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?(Z|[+-]\d\d:\d\d)$/.exec(time) ?? [];
  const text = second + zone;
  if (text !== last.text) {
    const nanoseconds = BigInt(Date.parse(text)) * 1_000_000n;
    Object.assign(last, { text, nanoseconds });
  }
  return last.nanoseconds + BigInt(Number(fraction.padEnd(9, "0")));
}
