/** A web socket as a stream of bytes (RFC 6455; no extensions). */
import { createHash } from "node:crypto";
import type { Duplex } from "node:stream";
import { OverSocket } from "./over_socket.ts";
import { WebSocketReader, type WebSocketEvent } from "./web_socket_reader.ts";

const acceptSalt = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

const opcodes = { text: 1, binary: 2, close: 8, ping: 9, pong: 10 } as const;

/** Bytes of a control frame's content at most (RFC 6455, 5.5). */
const longestControl = 125;

/** The answer to `Sec-WebSocket-Key`. */
export function webSocketAccept(key: string): string {
  return createHash("sha1")
    .update(key + acceptSalt)
    .digest("base64");
}

/** One frame of a server's: not masked. */
export function webSocketFrame(kind: keyof typeof opcodes, content: Uint8Array): Buffer {
  const size = content.length;
  const head = Buffer.alloc(size < 126 ? 2 : size < 65_536 ? 4 : 10);
  head[0] = 0x80 | opcodes[kind];
  head[1] = size < 126 ? size : size < 65_536 ? 126 : 127;
  if (head.length === 4) head.writeUInt16BE(size, 2);
  if (head.length === 10) head.writeBigUInt64BE(BigInt(size), 2);
  return Buffer.concat([head, content]);
}

/** A client that asks and does not read gets no more answers than there is room for. */
export function answerPing(socket: Duplex, content: Uint8Array): void {
  if (!socket.writableNeedDrain) socket.write(webSocketFrame("pong", content.subarray(0, longestControl)));
}

/** What is written from now on is for nobody. */
export function endWebSocket(socket: Duplex): void {
  // 1000: a normal end.
  if (socket.writable) socket.end(webSocketFrame("close", Buffer.from([0x03, 0xe8])));
}

/**
 * What is written goes out as frames of `kind`; what is read is the content of all data frames. The end of either side is
 * the end of both, as a web socket has it.
 */
export class WebSocketStream extends OverSocket {
  readonly #kind: "text" | "binary";

  constructor(socket: Duplex, kind: "text" | "binary") {
    super(socket);
    this.#kind = kind;
    const reader = new WebSocketReader();
    socket.on("data", (chunk: Buffer) => {
      for (const event of reader.read(chunk)) this.#take(event);
    });
    socket.on("end", () => this.push(null));
  }

  protected override sent(bytes: Buffer): Buffer {
    return webSocketFrame(this.#kind, bytes);
  }

  protected override endSocket(): void {
    endWebSocket(this.socket);
  }

  #take(event: WebSocketEvent): void {
    switch (event.kind) {
      case "data":
        if (!this.push(event.bytes)) this.socket.pause();
        return;
      case "ping":
        answerPing(this.socket, event.bytes);
        return;
      case "pong":
        return;
      case "close":
      case "broken":
        this.push(null);
        endWebSocket(this.socket);
        return;
    }
  }
}
