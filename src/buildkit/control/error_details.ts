/**
 * How a build has failed, for BuildKit's clients: in words, and the place in the Dockerfile, of which they show some lines
 * (moby/buildkit, util/grpcerrors, solver/errdefs).
 */
import { isFailure, type Failure } from "../../errors.ts";
import { errorWords } from "../progress/index.ts";
import { bytes, codes, GrpcError, integer, many, message, text } from "../../rpc/index.ts";

export interface FailedAt {
  readonly filename: string;
  readonly dockerfile: Uint8Array;
  /** From 1. */
  readonly firstLine: number;
  readonly lastLine: number;
}

/** `google.rpc.Status`. */
export const RpcStatus = message({
  code: integer(1),
  message: text(2),
  details: many(3, message({ typeUrl: text(1), value: bytes(2) })),
});

/** A file's lines travel in a header. Bytes. */
const mostToQuote = 32 * 1024;

/** Errors of a build have no code of their own: clients would put its name before the words. */
export function buildError(error: Failure, at: FailedAt | undefined): GrpcError {
  const words = errorWords(error);
  const code = isFailure(error, "cancelled") ? codes.cancelled : codes.unknown;
  if (at === undefined || at.dockerfile.length > mostToQuote)
    return new GrpcError(code, words, { cause: error });
  const details = RpcStatus.encode({ code, message: words, details: [sourceOf(at)] });
  return new GrpcError(code, words, { cause: error, details });
}

/** Go's JSON of `errdefs.Source`, as its type's name says. */
function sourceOf({ filename, dockerfile, firstLine, lastLine }: FailedAt) {
  const source = {
    info: { filename, data: Buffer.from(dockerfile).toString("base64"), language: "Dockerfile" },
    ranges: [{ start: { line: firstLine }, end: { line: lastLine } }],
  };
  return {
    typeUrl: "github.com/moby/buildkit/errdefs.Source+json",
    value: Buffer.from(JSON.stringify(source)),
  };
}
