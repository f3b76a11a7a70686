/** A connection whose client writes its input as the chunks of a body (RFC 9112, 7.1), and reads its output as it comes. */
import { Duplex } from "node:stream";
import { written } from "../../bytes/index.ts";

const longestLine = 1024;

/** Takes chunks apart as they come. What is no chunk is input as it stands, as all is in dockerd. */
export class ChunkReader {
  #state: "size" | "content" | "gap" | "trailer" | "over" | "plain" = "size";
  #line = Buffer.alloc(0);
  /** Bytes of the chunk that are still to come. */
  #left = 0;
  readonly #continues: boolean;

  /** @param continues whether what follows the last chunk is input, too: the client has asked to leave HTTP then */
  constructor(continues: boolean) {
    this.#continues = continues;
  }

  /** Whether nothing that comes is input any more. */
  get isOver(): boolean {
    return this.#state === "over";
  }

  /** What is left when nothing more comes: the beginning of what was no chunk after all. */
  end(): Buffer {
    return this.#state === "size" ? this.#line : Buffer.alloc(0);
  }

  /** The content that is in `bytes`. */
  *read(bytes: Buffer): Generator<Buffer, void, undefined> {
    let rest = bytes;
    while (rest.length > 0 && !this.isOver) {
      if (this.#state === "plain") return yield rest;
      if (this.#state === "content") {
        const content = rest.subarray(0, this.#left);
        this.#left -= content.length;
        if (this.#left === 0) this.#state = "gap";
        rest = rest.subarray(content.length);
        yield content;
        continue;
      }
      const end = rest.indexOf("\n") + 1;
      this.#line = Buffer.concat([this.#line, end === 0 ? rest : rest.subarray(0, end)]);
      rest = end === 0 ? Buffer.alloc(0) : rest.subarray(end);
      if (end === 0 && this.#line.length <= longestLine) return;
      const line = this.#line;
      if (!this.#takeLine(line.toString("latin1"))) yield line;
      this.#line = Buffer.alloc(0);
    }
  }

  /** @returns false: it is content */
  #takeLine(line: string): boolean {
    if (this.#state === "trailer") {
      if (line === "\r\n") this.#state = this.#continues ? "plain" : "over";
      return true;
    }
    if (this.#state === "gap" && line === "\r\n") {
      this.#state = "size";
      return true;
    }
    const size = this.#state === "size" ? /^([\da-f]{1,8})(;[^\r\n]*)?\r\n$/i.exec(line)?.[1] : undefined;
    if (size === undefined) {
      this.#state = "plain";
      return false;
    }
    this.#left = Number.parseInt(size, 16);
    this.#state = this.#left === 0 ? "trailer" : "content";
    return true;
  }
}

export class ChunkedInput extends Duplex {
  readonly #socket: Duplex;

  /** @param continues as in {@link ChunkReader} */
  constructor(socket: Duplex, continues: boolean) {
    super({ allowHalfOpen: true });
    this.#socket = socket;
    const reader = new ChunkReader(continues);
    socket.on("data", (bytes: Buffer) => {
      // What follows the last chunk is for nobody.
      if (reader.isOver) return;
      for (const content of reader.read(bytes)) if (!this.push(content)) socket.pause();
      if (reader.isOver) this.push(null);
    });
    socket.on("end", () => {
      if (reader.isOver) return;
      const left = reader.end();
      if (left.length > 0) this.push(left);
      this.push(null);
    });
    socket.on("close", () => this.destroy());
    socket.on("error", () => undefined);
  }

  override _read(): void {
    this.#socket.resume();
  }

  override _write(bytes: Buffer, _encoding: string, done: (error?: Error | null) => void): void {
    const full = written(this.#socket, bytes);
    if (full === undefined) done();
    else void full.then(() => done());
  }

  override _final(done: () => void): void {
    const socket = this.#socket;
    if (!socket.writable) return done();
    // What follows is destroyed with all that the client has not been sent yet.
    socket.once("finish", done);
    socket.end();
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    this.#socket.destroy();
    done(error);
  }
}
