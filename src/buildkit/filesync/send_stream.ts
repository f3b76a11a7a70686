/** Results that are one stream of bytes, to the client's file or terminal (moby/buildkit, session/filesync `CopyFileWriter`). */
import type { ByteSource } from "../../bytes/index.ts";
import { bytes, message } from "../../rpc/index.ts";
import type { Session } from "../session/index.ts";
import { exporterMetadata, fileSend } from "./file_send.ts";

const BytesMessage = message({ data: bytes(1) });

/** What a message of gRPC may hold everywhere; more goes in pieces. */
const pieceSize = 1 << 20;

interface StreamPlace {
  /** Which of the build's outputs it is. */
  readonly exporter?: number;
  readonly signal: AbortSignal;
}

/**
 * Sends all of a source; settles when the client has taken it.
 * @throws Failure("invalid") where the client takes nothing; GrpcError with what it says is wrong
 */
export function sendStream(
  session: Session,
  { exporter, signal }: StreamPlace,
): (source: ByteSource) => Promise<void> {
  return async (source) => {
    session.require(fileSend);
    using stream = session.client.open(fileSend, BytesMessage, BytesMessage, {
      metadata: exporterMetadata(exporter),
      signal,
    });
    const call = { isOver: false };
    const answered = (async () => {
      try {
        for await (const _ of stream);
      } finally {
        call.isOver = true;
      }
    })();
    // It is heard below.
    answered.catch(() => undefined);
    for await (const chunk of source) {
      for (let at = 0; at < chunk.length && !call.isOver; at += pieceSize)
        await stream.send({ data: chunk.subarray(at, at + pieceSize) });
      // A client that can write no more ends the call.
      if (call.isOver) break;
    }
    stream.end();
    await answered;
  };
}
