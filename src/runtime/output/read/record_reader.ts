/** Makes records of the bytes of a log as they come. */
import type { LogFormat, LogRecord } from "./log_format.ts";

export class RecordReader {
  readonly #format: LogFormat;
  #rest: Buffer = Buffer.alloc(0);

  constructor(format: LogFormat) {
    this.#format = format;
  }

  /** The records that are whole now. @throws Failure("corrupt") */
  add(chunk: Uint8Array): LogRecord[] {
    const bytes = this.#rest.length === 0 ? Buffer.from(chunk) : Buffer.concat([this.#rest, chunk]);
    const records: LogRecord[] = [];
    let at = 0;
    for (let end = this.#format.end(bytes, at); end !== undefined; end = this.#format.end(bytes, at)) {
      const record = this.#format.decode(bytes.subarray(at, end));
      if (record !== undefined) records.push(record);
      at = end;
    }
    this.#rest = bytes.subarray(at);
    return records;
  }
}
