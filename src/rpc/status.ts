/** How a call of gRPC ends (grpc.io, "Status codes"). */
import { isFailure, type FailureKind } from "../errors.ts";

export const codes = {
  ok: 0,
  cancelled: 1,
  unknown: 2,
  deadlineExceeded: 4,
  notFound: 5,
  unimplemented: 12,
  internal: 13,
  unavailable: 14,
} as const;

/** An end that no {@link Failure} has a kind for, or that a peer has told. */
export class GrpcError extends Error {
  readonly code: number;
  /** More for programs: a `google.rpc.Status` that says the same. */
  readonly details: Uint8Array | undefined;

  constructor(code: number, text: string, { details, ...options }: GrpcErrorOptions = {}) {
    super(text, options);
    this.name = "GrpcError";
    this.code = code;
    this.details = details;
  }
}

export interface GrpcErrorOptions extends ErrorOptions {
  readonly details?: Uint8Array | undefined;
}

const codeOfKind: Readonly<Record<FailureKind, number>> = {
  cancelled: codes.cancelled,
  invalid: 3,
  "not-found": codes.notFound,
  denied: 7,
  limit: 8,
  "no-space": 8,
  conflict: 9,
  unsupported: codes.unimplemented,
  internal: codes.internal,
  unavailable: codes.unavailable,
  corrupt: 15,
  unauthorized: 16,
};

export interface Status {
  readonly code: number;
  readonly text: string;
  readonly details?: Uint8Array | undefined;
}

export function statusOf(error: unknown): Status {
  if (error instanceof GrpcError) return { code: error.code, text: error.message, details: error.details };
  if (isFailure(error)) return { code: codeOfKind[error.kind], text: error.message };
  return { code: codes.internal, text: error instanceof Error ? error.message : String(error) };
}

/** The text of `grpc-message`: all but printable ASCII, and the percent sign itself, as `%XX`. */
export function percentEncoded(text: string): string {
  return Buffer.from(text, "utf8")
    .toString("latin1")
    .replace(/[^ -$&-~]/g, (byte) => `%${byte.charCodeAt(0).toString(16).padStart(2, "0").toUpperCase()}`);
}

/** What is no `%XX` stands for itself. */
export function percentDecoded(text: string): string {
  const bytes = text.replace(/%([0-9a-fA-F]{2})/g, (_, hex: string) =>
    String.fromCharCode(parseInt(hex, 16)),
  );
  return Buffer.from(bytes, "latin1").toString("utf8");
}
