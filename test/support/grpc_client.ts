/** A client of gRPC for tests: one message in, one out, or the first of several. */
import { once } from "node:events";
import { connect, type ClientHttp2Session } from "node:http2";
import { connect as connectSocket } from "node:net";
import type { Decoder, Encoder } from "../../src/rpc/index.ts";

export interface GrpcAnswer {
  readonly code: number;
  readonly text: string;
  readonly messages: readonly Buffer[];
}

export class GrpcClient implements Disposable {
  readonly #session: ClientHttp2Session;

  /** @param path of a unix socket */
  constructor(path: string) {
    this.#session = connect("http://localhost", { createConnection: () => connectSocket(path) });
  }

  /** @param body the bytes as they go, head included */
  raw(path: string, body: Uint8Array): Promise<GrpcAnswer> {
    const stream = this.#session.request({
      ":method": "POST",
      ":path": path,
      "content-type": "application/grpc",
      te: "trailers",
    });
    return new Promise((resolve, reject) => {
      const chunks: Buffer[] = [];
      let ends: Record<string, unknown> = {};
      stream.on("response", (headers) => void (ends = headers));
      stream.on("trailers", (trailers) => void (ends = trailers));
      stream.on("data", (chunk: Buffer) => void chunks.push(chunk));
      stream.on("error", reject);
      stream.on("close", () => {
        const { "grpc-status": code, "grpc-message": text = "" } = ends;
        resolve({
          code: Number(code),
          text: decodeURIComponent(String(text)),
          messages: framesOf(Buffer.concat(chunks)),
        });
      });
      stream.end(body);
    });
  }

  /** @throws Error with code and text where the call fails */
  async call<Q, A>(path: string, request: Encoder<Q>, answer: Decoder<A>, given: Q): Promise<A> {
    const { code, text, messages } = await this.raw(path, framed(request.encode(given)));
    const [message] = messages;
    if (code !== 0 || message === undefined)
      throw Object.assign(new Error(`${path}: ${code} ${text}`), { code });
    return answer.decode(message);
  }

  /** The answers as they come, until the caller has enough. Resolves when the server has the question. */
  async stream<Q, A>(
    path: string,
    request: Encoder<Q>,
    answer: Decoder<A>,
    given: Q,
  ): Promise<AsyncIterable<A>> {
    const stream = this.#session.request({
      ":method": "POST",
      ":path": path,
      "content-type": "application/grpc",
    });
    stream.end(framed(request.encode(given)));
    await once(stream, "finish");
    return (async function* () {
      let rest = Buffer.alloc(0);
      for await (const chunk of stream as AsyncIterable<Buffer>) {
        rest = Buffer.concat([rest, chunk]);
        while (rest.length >= 5 && rest.length >= 5 + rest.readUInt32BE(1)) {
          const end = 5 + rest.readUInt32BE(1);
          yield answer.decode(rest.subarray(5, end));
          rest = rest.subarray(end);
        }
      }
    })();
  }

  [Symbol.dispose](): void {
    this.#session.destroy();
  }
}

export function framed(message: Uint8Array): Buffer {
  const head = Buffer.alloc(5);
  head.writeUInt32BE(message.length, 1);
  return Buffer.concat([head, message]);
}

function framesOf(bytes: Buffer): Buffer[] {
  const frames: Buffer[] = [];
  for (let at = 0; at < bytes.length;) {
    const end = at + 5 + bytes.readUInt32BE(at + 1);
    frames.push(bytes.subarray(at + 5, end));
    at = end;
  }
  return frames;
}
