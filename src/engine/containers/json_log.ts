/** Docker's `json-file` log: what the container wrote, line by line (behaviours B154). */
import { createWriteStream } from "node:fs";
import { once } from "node:events";
import { Writable } from "node:stream";
import { StringDecoder } from "node:string_decoder";
import { goJson } from "../../oci/index.ts";

export interface ContainerLog extends AsyncDisposable {
  /** A stream that passes everything on to `to` and records it under the name of its stream. */
  tee(stream: "stdout" | "stderr", to: Writable): Writable;
}

/** Docker splits longer lines into several records (moby, daemon/logger/copier.go). */
const maxLine = 16 * 1024;

/** Opens (or makes) the log. Disposing writes what stands without line feed, and closes it. */
export async function openLog(path: string): Promise<ContainerLog> {
  const file = createWriteStream(path, { flags: "a", mode: 0o640 });
  await once(file, "open");
  const flushes: (() => void)[] = [];
  return {
    tee(stream, to) {
      const lines = new LineRecorder((log) => {
        file.write(`${goJson({ log, stream, time: goNow() })}\n`);
      });
      flushes.push(() => lines.flush());
      return new Writable({
        decodeStrings: true,
        write(chunk: Buffer, _encoding, done) {
          lines.add(chunk);
          // A full pipe of the reader holds the container back, as it should.
          if (to.write(chunk)) done();
          else to.once("drain", done);
        },
      });
    },
    async [Symbol.asyncDispose]() {
      for (const flush of flushes) flush();
      file.end();
      await once(file, "close");
    },
  };
}

class LineRecorder {
  readonly #emit: (line: string) => void;
  readonly #decoder = new StringDecoder("utf8");
  #pending = "";

  constructor(emit: (line: string) => void) {
    this.#emit = emit;
  }

  add(chunk: Buffer): void {
    this.#pending += this.#decoder.write(chunk);
    for (;;) {
      const feed = this.#pending.indexOf("\n");
      const end = feed >= 0 && feed < maxLine ? feed + 1 : this.#pending.length >= maxLine ? maxLine : 0;
      if (end === 0) return;
      this.#emit(this.#pending.slice(0, end));
      this.#pending = this.#pending.slice(end);
    }
  }

  flush(): void {
    this.#pending += this.#decoder.end();
    if (this.#pending !== "") this.#emit(this.#pending);
    this.#pending = "";
  }
}

function goNow(): string {
  return new Date().toISOString();
}
