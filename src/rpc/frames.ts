/** How messages lie in a stream of gRPC: a flag, the length, the bytes (grpc.io, "gRPC over HTTP2"). */
import type { Readable, Writable } from "node:stream";
import { written } from "../bytes/index.ts";
import { Failure } from "../errors.ts";
import { codes, GrpcError } from "./status.ts";

const headSize = 5;

function framed(message: Uint8Array): Buffer {
  const frame = Buffer.allocUnsafe(headSize + message.length);
  frame[0] = 0;
  frame.writeUInt32BE(message.length, 1);
  frame.set(message, headSize);
  return frame;
}

/** Settles when there is room for more, or nobody to read it any more. */
export async function sendFramed(stream: Writable, message: Uint8Array): Promise<void> {
  await written(stream, framed(message));
}

/**
 * The messages as they come; what is not asked for waits at the sender. The stream is not destroyed when the reader has
 * enough.
 * @param maxBytes of one message
 * @throws Failure("limit") for one that is longer, Failure("invalid") where the stream ends within one,
 *   GrpcError for a compressed one, which clients have to be told of before they send any
 */
export async function* messagesOf(stream: Readable, maxBytes: number): AsyncGenerator<Uint8Array, void> {
  const held: Buffer[] = [];
  let size = 0;
  let wanted = headSize;
  for await (const chunk of stream.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
    held.push(chunk);
    size += chunk.length;
    if (size < wanted) continue;
    // Joined once for each message, not for each chunk: many small ones would be copied over and over.
    let bytes = held.length === 1 ? chunk : Buffer.concat(held, size);
    for (wanted = frameSize(bytes, maxBytes); bytes.length >= wanted; wanted = frameSize(bytes, maxBytes)) {
      yield bytes.subarray(headSize, wanted);
      bytes = bytes.subarray(wanted);
    }
    held.splice(0, held.length, bytes);
    size = bytes.length;
  }
  if (size > 0) throw new Failure("invalid", `the stream ends ${size} bytes into a message`);
}

/** Bytes from the head of a message to its end; of its head where not even that is there. */
function frameSize(bytes: Buffer, maxBytes: number): number {
  if (bytes.length < headSize) return headSize;
  if (bytes[0] !== 0) throw new GrpcError(codes.unimplemented, "compressed messages are not understood");
  const length = bytes.readUInt32BE(1);
  if (length > maxBytes) throw new Failure("limit", `the message is longer than ${maxBytes} bytes`);
  return headSize + length;
}
