import { Duplex } from "node:stream";
import { WebSocketReader, webSocketFrame } from "../../api/index.ts";

/** 1000: a normal end. */
const normalEnd = webSocketFrame("close", Buffer.from([0x03, 0xe8]));
const longestControl = 125;

/** The bytes within a web socket's messages, as a stream of their own: messages are nothing but pieces of it. */
export class WebSocketTunnel extends Duplex {
  readonly #socket: Duplex;

  constructor(socket: Duplex) {
    super();
    this.#socket = socket;
    const reader = new WebSocketReader();
    socket.on("data", (chunk: Buffer) => this.#take(reader, chunk));
    socket.on("error", () => undefined);
    socket.on("end", () => this.push(null));
    socket.on("close", () => this.destroy());
  }

  override _read(): void {
    this.#socket.resume();
  }

  override _write(chunk: Buffer, _encoding: string, done: () => void): void {
    const socket = this.#socket;
    if (!socket.writable || socket.write(webSocketFrame("binary", chunk))) return done();
    const go = (): void => {
      socket.off("drain", go);
      socket.off("close", go);
      done();
    };
    socket.on("drain", go);
    socket.on("close", go);
  }

  override _final(done: () => void): void {
    this.#endSocket();
    done();
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    this.#socket.destroy();
    done(error);
  }

  #take(reader: WebSocketReader, chunk: Buffer): void {
    for (const event of reader.read(chunk)) {
      switch (event.kind) {
        case "data":
          if (event.bytes.length > 0 && !this.push(event.bytes)) this.#socket.pause();
          break;
        case "ping":
          if (!this.#socket.writableNeedDrain)
            this.#socket.write(webSocketFrame("pong", event.bytes.subarray(0, longestControl)));
          break;
        case "pong":
          break;
        case "close":
        case "broken":
          this.push(null);
          this.#endSocket();
          return;
      }
    }
  }

  #endSocket(): void {
    if (this.#socket.writable) this.#socket.end(normalEnd);
  }
}
