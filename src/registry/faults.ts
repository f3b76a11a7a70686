/**
 * Misbehaviour on request: what a client must survive. A test gives `serveRegistry` a function that looks at
 * each request and says what is to go wrong; the promise that it may return also serves to delay the answer.
 */
import type { ByteSource } from "../bytes/index.ts";

export interface FaultRequest {
  readonly method: string;
  /** Path and query. */
  readonly path: string;
  readonly range: string | undefined;
  /** How many requests came before this one. */
  readonly index: number;
}

export type Fault =
  /** The connection breaks after so many bytes of the answer's body. */
  | { readonly kind: "cut"; readonly afterBytes: number }
  /** Nothing more comes after so many bytes of the answer's body; the connection stays open. */
  | { readonly kind: "stall"; readonly afterBytes: number }
  /** The connection breaks after so many bytes of the request's body have been stored. */
  | { readonly kind: "cut-upload"; readonly afterBytes: number }
  /** One byte of the answer's body, counted from 0, has its bits turned over. */
  | { readonly kind: "flip"; readonly at: number }
  /** `Range` is overlooked: 200 and the whole blob. */
  | { readonly kind: "ignore-range" }
  /** This instead of the real answer: 429 with Retry-After, a redirect, a lie. */
  | {
      readonly kind: "answer";
      readonly status: number;
      readonly headers?: Readonly<Record<string, string>>;
      readonly body?: string;
    };

export type FaultPlan = (request: FaultRequest) => Fault | undefined | Promise<Fault | undefined>;

/** Thrown inside a body to break the connection; never answered. */
export class ConnectionCut extends Error {}

/** The body with the fault in it. */
export async function* spoilAnswer(source: ByteSource, fault: Fault | undefined): ByteSource {
  let position = 0;
  for await (const chunk of source) {
    if (fault?.kind === "flip") yield flipAt(chunk, fault.at - position);
    else if (fault?.kind !== "cut" && fault?.kind !== "stall") yield chunk;
    else if (position + chunk.length <= fault.afterBytes) yield chunk;
    else {
      yield chunk.subarray(0, fault.afterBytes - position);
      if (fault.kind === "cut") throw new ConnectionCut();
      await new Promise(() => undefined);
    }
    position += chunk.length;
  }
}

/** The request body with the fault in it. */
export async function* spoilUpload(source: ByteSource, fault: Fault | undefined): ByteSource {
  let position = 0;
  for await (const chunk of source) {
    if (fault?.kind === "cut-upload" && position + chunk.length > fault.afterBytes) {
      yield chunk.subarray(0, fault.afterBytes - position);
      throw new ConnectionCut();
    }
    position += chunk.length;
    yield chunk;
  }
}

function flipAt(chunk: Uint8Array, at: number): Uint8Array {
  if (at < 0 || at >= chunk.length) return chunk;
  const copy = Uint8Array.from(chunk);
  copy[at] = (copy[at] as number) ^ 0xff;
  return copy;
}
