/**
 * Docker's `local` log: each line as a message of protocol buffers between two copies of its length (moby,
 * daemon/logger/local/local.go and api/types/plugins/logdriver/entry.proto).
 */
import { encodeMessage } from "../../bytes/index.ts";
import type { Rotation } from "./log_options.ts";
import { RotatingFile } from "./rotating_file.ts";
import type { LogLine, LogWriter } from "./types.ts";

export class LocalLog implements LogWriter {
  readonly #file: RotatingFile;

  /** Opens (or makes) the log to write on. */
  constructor(path: string, rotation: Rotation) {
    this.#file = new RotatingFile(path, rotation);
  }

  position(): number {
    return this.#file.position();
  }

  append(lines: readonly LogLine[]): void {
    this.#file.append(Buffer.concat(lines.map(formatLine)));
  }

  truncate(position: number): void {
    this.#file.truncate(position);
  }

  [Symbol.dispose](): void {
    this.#file[Symbol.dispose]();
  }
}

function formatLine({ stream, time, bytes }: LogLine): Buffer {
  const whole = bytes.at(-1) === 0x0a;
  const line = whole ? bytes.subarray(0, -1) : bytes;
  // 4 partial: its reader then puts no line feed behind it.
  const message = encodeMessage({ 1: stream, 2: time, 3: line, 4: !whole });
  const record = Buffer.alloc(message.length + 8);
  record.writeUInt32BE(message.length, 0);
  record.set(message, 4);
  record.writeUInt32BE(message.length, message.length + 4);
  return record;
}
