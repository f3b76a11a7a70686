/** One connection of SPDY/3.1 from the server's side: the client opens streams, both sides send on them. */
import { Writable, type Duplex } from "node:stream";
import { drained } from "../../bytes/index.ts";
import { Failure } from "../../errors.ts";
import {
  controlFrame,
  dataFrame,
  frameTypes,
  HeaderReader,
  SpdyReader,
  synReply,
  type SpdyFrame,
} from "./spdy_frames.ts";

export interface SpdyHandler {
  /** @throws Failure to end the connection */
  opened(stream: number, headers: ReadonlyMap<string, string>): void;
  /** A promise holds back all that comes next. @param fin the client sends no more on this stream */
  data(stream: number, bytes: Buffer, fin: boolean): Promise<void> | undefined;
  /** The client wants no more of this stream. */
  reset(stream: number): void;
  /** The client opens no more streams. */
  leaving(): void;
}

export class SpdyConnection {
  readonly #socket: Duplex;
  readonly #headers = new HeaderReader();
  #last = 0;

  constructor(socket: Duplex) {
    this.#socket = socket;
    socket.on("close", () => this.#headers.close());
  }

  /** Until the client has gone. What makes no sense ends the connection. */
  async run(handler: SpdyHandler): Promise<void> {
    const reader = new SpdyReader();
    try {
      for await (const chunk of this.#socket as AsyncIterable<Buffer>) {
        for (const frame of reader.read(chunk)) await this.#take(frame, handler);
      }
    } catch {
      this.#socket.destroy();
    }
  }

  /** @returns whether there is room for more */
  send(stream: number, bytes: Uint8Array, fin = false): boolean {
    return !this.#socket.writable || this.#socket.write(dataFrame(stream, bytes, fin));
  }

  /** Resolves when there is room, or nobody any more. */
  room(): Promise<void> {
    const socket = this.#socket;
    return socket.destroyed || !socket.writableNeedDrain ? Promise.resolve() : drained(socket);
  }

  /** What is written to it goes to a stream. @param stream undefined: there is none, and it goes nowhere */
  writer(stream: () => number | undefined): Writable {
    const writer = new Writable({
      write: (chunk: Buffer, _encoding, done) => {
        const number = stream();
        if (number === undefined || this.send(number, chunk)) done();
        else void this.room().then(() => done());
      },
    });
    this.#socket.once("close", () => writer.destroy());
    return writer;
  }

  /** Says that this was all. */
  end(): void {
    const last = Buffer.alloc(8);
    last.writeUInt32BE(this.#last);
    if (this.#socket.writable) this.#socket.end(controlFrame(frameTypes.goAway, last));
  }

  async #take(frame: SpdyFrame, handler: SpdyHandler): Promise<void> {
    if (frame.kind === "data") return handler.data(frame.stream, frame.bytes, frame.fin);
    const { type, bytes } = frame;
    if (type === frameTypes.synStream) await this.#open(bytes, handler);
    else if (type === frameTypes.headers) await this.#headers.read(bytes.subarray(4));
    else if (type === frameTypes.ping) this.#socket.write(controlFrame(frameTypes.ping, bytes));
    else if (type === frameTypes.rstStream && bytes.length >= 4) handler.reset(bytes.readUInt32BE(0));
    else if (type === frameTypes.goAway) handler.leaving();
  }

  async #open(bytes: Buffer, handler: SpdyHandler): Promise<void> {
    if (bytes.length < 10) throw new Failure("invalid", "spdy: a stream without a head");
    const number = bytes.readUInt32BE(0) & 0x7fff_ffff;
    const headers = await this.#headers.read(bytes.subarray(10));
    const isFirst = this.#last === 0;
    // They count up (The SPDY Protocol 3.1, 2.3.2).
    if (number <= this.#last) throw new Failure("invalid", "spdy: a stream's number comes twice");
    this.#last = number;
    handler.opened(number, headers);
    this.#socket.write(synReply(number, isFirst));
  }
}
