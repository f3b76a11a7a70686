/** Clients of gRPC on unix sockets, for tests: ours, and one that says whatever a test wants to be said. */
import { connect } from "node:http2";
import { connect as connectSocket } from "node:net";
import { GrpcClient } from "../../src/rpc/index.ts";

/** @param path of a unix socket */
export function grpcClient(path: string): GrpcClient {
  return new GrpcClient(connectSocket(path));
}

export interface RawAnswer {
  readonly code: number;
  readonly text: string;
  /** Of the body. */
  readonly bytes: number;
}

/** One call on a connection of its own. @param body the bytes as they go, head included */
export async function rawCall(socket: string, path: string, body: Uint8Array): Promise<RawAnswer> {
  const session = connect("http://localhost", { createConnection: () => connectSocket(socket) });
  const stream = session.request({
    ":method": "POST",
    ":path": path,
    "content-type": "application/grpc",
    te: "trailers",
  });
  try {
    return await new Promise((resolve, reject) => {
      let bytes = 0;
      let ends: Record<string, unknown> = {};
      stream.on("response", (headers) => void (ends = headers));
      stream.on("trailers", (trailers) => void (ends = trailers));
      stream.on("data", (chunk: Buffer) => void (bytes += chunk.length));
      stream.on("error", reject);
      stream.on("close", () => {
        const { "grpc-status": code, "grpc-message": text = "" } = ends;
        resolve({ code: Number(code), text: decodeURIComponent(String(text)), bytes });
      });
      stream.end(body);
    });
  } finally {
    session.destroy();
  }
}

export function framed(message: Uint8Array): Buffer {
  const head = Buffer.alloc(5);
  head.writeUInt32BE(message.length, 1);
  return Buffer.concat([head, message]);
}
