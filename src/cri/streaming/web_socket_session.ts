/** Kubernetes' streams over a web socket: the first byte of a message is its channel (`v4.channel.k8s.io` and `v5`). */
import type { Duplex } from "node:stream";
import { PassThrough, Writable } from "node:stream";
import { answerPing, endWebSocket, WebSocketReader, webSocketFrame } from "../../api/index.ts";
import { written } from "../../bytes/index.ts";
import {
  readSize,
  Sizes,
  type ContainerOffer,
  type RemoteSession,
  type TerminalSize,
} from "./remote_session.ts";

export const webSocketProtocols = ["v5.channel.k8s.io", "v4.channel.k8s.io"] as const;

const channels = { stdin: 0, stdout: 1, stderr: 2, error: 3, resize: 4, close: 255 } as const;

const longestSize = 1024;

export class WebSocketSession implements RemoteSession {
  readonly stdin: PassThrough | undefined;
  readonly stdout: Writable | undefined;
  readonly stderr: Writable | undefined;
  readonly gone: AbortSignal;
  readonly #socket: Duplex;
  readonly #sizes = new Sizes();
  #channel = -1;
  /** Of a message that is short. */
  #text = "";

  constructor(socket: Duplex, offer: ContainerOffer) {
    this.#socket = socket;
    this.stdin = offer.stdin ? new PassThrough() : undefined;
    this.stdout = offer.stdout ? new ChannelWriter(socket, channels.stdout) : undefined;
    this.stderr = offer.stderr && !offer.tty ? new ChannelWriter(socket, channels.stderr) : undefined;
    const gone = new AbortController();
    this.gone = gone.signal;
    const reader = new WebSocketReader();
    socket.on("data", (chunk: Buffer) => this.#take(reader, chunk));
    socket.on("error", () => undefined);
    socket.on("close", () => {
      gone.abort();
      this.stdin?.end();
    });
    this.stdin?.on("drain", () => socket.resume());
    this.stdin?.on("error", () => undefined);
    // By this the client knows that there is somebody.
    const first = offer.stdout ? channels.stdout : offer.stderr ? channels.stderr : channels.error;
    socket.write(webSocketFrame("binary", Buffer.of(first)));
  }

  onResize(listener: (size: TerminalSize) => void): void {
    this.#sizes.onResize(listener);
  }

  end(status: object): void {
    // What comes from now on is for nobody, but the end of it has to be seen.
    this.stdin?.destroy();
    this.#socket.resume();
    if (!this.#socket.writable) return;
    const said = Buffer.concat([Buffer.of(channels.error), Buffer.from(JSON.stringify(status))]);
    this.#socket.write(webSocketFrame("binary", said));
    endWebSocket(this.#socket);
  }

  #take(reader: WebSocketReader, chunk: Buffer): void {
    for (const event of reader.read(chunk)) {
      switch (event.kind) {
        case "data":
          this.#content(event.bytes, event);
          break;
        case "ping":
          answerPing(this.#socket, event.bytes);
          break;
        case "pong":
          break;
        case "close":
        case "broken":
          this.stdin?.end();
          endWebSocket(this.#socket);
      }
    }
  }

  #content(bytes: Buffer, { first, last }: { readonly first: boolean; readonly last: boolean }): void {
    if (first) [this.#channel, this.#text] = [bytes[0] as number, ""];
    const content = first ? bytes.subarray(1) : bytes;
    if (this.#channel === channels.stdin) this.#input(content);
    else if (this.#channel === channels.resize) {
      this.#text = (this.#text + content.toString("utf8")).slice(0, longestSize);
      if (last) this.#sizes.take(readSize(this.#text));
    } else if (this.#channel === channels.close && content[0] === channels.stdin) this.stdin?.end();
  }

  #input(content: Buffer): void {
    const { stdin } = this;
    if (stdin === undefined || !stdin.writable || content.length === 0) return;
    if (!stdin.write(content)) this.#socket.pause();
  }
}

class ChannelWriter extends Writable {
  readonly #socket: Duplex;
  readonly #channel: number;

  constructor(socket: Duplex, channel: number) {
    super();
    this.#socket = socket;
    this.#channel = channel;
    socket.once("close", () => this.destroy());
  }

  override _write(chunk: Buffer, _encoding: string, done: () => void): void {
    const frame = webSocketFrame("binary", Buffer.concat([Buffer.of(this.#channel), chunk]));
    const full = written(this.#socket, frame);
    if (full === undefined) done();
    else void full.then(() => done());
  }
}
