/** A connection whose client writes a body before its input, or its input as one, and reads its output as it comes. */
import type { IncomingHttpHeaders } from "node:http";
import type { Duplex } from "node:stream";
import { OverSocket } from "./over_socket.ts";

/** Finds the input in what comes. */
interface InputReader {
  /** Whether nothing that comes is input any more. */
  readonly isOver: boolean;
  /** The input that is in `bytes`. */
  read(bytes: Buffer): Iterable<Buffer>;
  /** What is left when nothing more comes. */
  end(): Buffer;
}

const longestLine = 1024;

/** Takes chunks apart as they come (RFC 9112, 7.1). What is no chunk is input as it stands, as all is in dockerd. */
export class ChunkReader implements InputReader {
  #state: "size" | "content" | "gap" | "trailer" | "over" | "plain" = "size";
  #line = Buffer.alloc(0);
  /** Bytes of the chunk that are still to come. */
  #left = 0;
  readonly #continues: boolean;

  /** @param continues whether what follows the last chunk is input, too: the client has asked to leave HTTP then */
  constructor(continues: boolean) {
    this.#continues = continues;
  }

  get isOver(): boolean {
    return this.#state === "over";
  }

  /** The beginning of what was no chunk after all. */
  end(): Buffer {
    return this.#state === "size" ? this.#line : Buffer.alloc(0);
  }

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

/** Passes over a body, which is no input: dockerode says there once more what stands in the query. */
export class BodyReader implements InputReader {
  readonly isOver = false;
  #left: number;

  /** @param length bytes of the body */
  constructor(length: number) {
    this.#left = length;
  }

  read(bytes: Buffer): Buffer[] {
    const input = bytes.subarray(this.#left);
    this.#left = Math.max(0, this.#left - bytes.length);
    return input.length > 0 ? [input] : [];
  }

  end(): Buffer {
    return Buffer.alloc(0);
  }
}

/** @returns the connection as it is where all that comes after the head is input */
export function inputOf(socket: Duplex, headers: IncomingHttpHeaders): Duplex {
  if (/\bchunked\s*$/i.test(headers["transfer-encoding"] ?? ""))
    return new FramedInput(socket, new ChunkReader(headers.upgrade !== undefined));
  const length = Number(headers["content-length"] ?? 0);
  return length > 0 ? new FramedInput(socket, new BodyReader(length)) : socket;
}

class FramedInput extends OverSocket {
  constructor(socket: Duplex, reader: InputReader) {
    super(socket);
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
  }

  protected override sent(bytes: Buffer): Buffer {
    return bytes;
  }

  protected override endSocket(): void {
    this.socket.end();
  }
}
