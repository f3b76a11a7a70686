/** Counts the bytes of a request's body and of its answer as they pass. */
import type { IncomingMessage, ServerResponse } from "node:http";

export interface CountedBytes {
  received: number;
  sent: number;
}

type Chunk = string | Uint8Array | null | undefined;

/**
 * By standing in for the methods through which all bytes go: a listener of "data" would let the body flow before anybody
 * reads it, and a socket's own counts are of all its requests.
 */
export function countedBytes(request: IncomingMessage, response: ServerResponse): CountedBytes {
  const counted = { received: 0, sent: 0 };
  const push = request.push.bind(request);
  request.push = (chunk: Chunk, encoding) => {
    counted.received += lengthOf(chunk);
    return push(chunk, encoding);
  };
  // Of HTTP/2's answer `end` writes by `write`.
  const names = request.httpVersionMajor < 2 ? (["write", "end"] as const) : (["write"] as const);
  for (const name of names) {
    const method = response[name].bind(response) as (...parts: unknown[]) => unknown;
    response[name] = ((chunk?: unknown, ...rest: unknown[]) => {
      if (typeof chunk !== "function") counted.sent += lengthOf(chunk as Chunk);
      return chunk === undefined ? method() : method(chunk, ...rest);
    }) as never;
  }
  return counted;
}

function lengthOf(chunk: Chunk): number {
  return typeof chunk === "string" ? Buffer.byteLength(chunk) : (chunk?.length ?? 0);
}
