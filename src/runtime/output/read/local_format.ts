/** `local`: messages of protocol buffers, the length before and behind each. */
import { readSync } from "node:fs";
import { Failure } from "../../../errors.ts";
import { bigField, bytesField, decodeMessage, numberField, stringField } from "../../../bytes/index.ts";
import { longestRecord, type LogFormat } from "./log_format.ts";

const lengthSize = 4;

export const localFormat: LogFormat = {
  end(bytes, at) {
    if (bytes.length - at < lengthSize) return undefined;
    const length = bytes.readUInt32BE(at);
    if (length > longestRecord) throw new Failure("corrupt", `log: a record of ${length} bytes`);
    const end = at + length + 2 * lengthSize;
    return end > bytes.length ? undefined : end;
  },

  decode(record) {
    try {
      const message = decodeMessage(record.subarray(lengthSize, -lengthSize));
      const whole =
        numberField(message, 4) === 0 || numberField(decodeMessage(bytesField(message, 5)), 1) !== 0;
      const line = bytesField(message, 3);
      return {
        stream: stringField(message, 1) === "stderr" ? "stderr" : "stdout",
        time: BigInt.asIntN(64, bigField(message, 2)),
        bytes: whole ? Buffer.concat([line, Buffer.from("\n")]) : line,
        attributes: {},
      };
    } catch {
      return undefined;
    }
  },

  findLast(fd, size, count) {
    let end = soundEnd(fd, size);
    let found = 0;
    while (end > 0 && found < count) {
      const start = startBefore(fd, end);
      if (start === undefined) break;
      end = start;
      found++;
    }
    return { start: end, found };
  },
};

/** The start of the record that ends at `end`; undefined: none does. */
function startBefore(fd: number, end: number): number | undefined {
  const length = lengthAt(fd, end - lengthSize);
  if (length === undefined) return undefined;
  const start = end - length - 2 * lengthSize;
  return start >= 0 && lengthAt(fd, start) === length ? start : undefined;
}

function lengthAt(fd: number, at: number): number | undefined {
  const bytes = Buffer.alloc(lengthSize);
  if (at < 0 || readSync(fd, bytes, 0, lengthSize, at) < lengthSize) return undefined;
  return bytes.readUInt32BE(0);
}

/** Where the last whole record ends: a kill may have cut one short, which is seen from the start only. */
function soundEnd(fd: number, size: number): number {
  if (size === 0 || startBefore(fd, size) !== undefined) return size;
  let end = 0;
  for (;;) {
    const length = lengthAt(fd, end);
    if (length === undefined || end + length + 2 * lengthSize > size) return end;
    end += length + 2 * lengthSize;
  }
}
