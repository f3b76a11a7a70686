/** How a call of gRPC ends (grpc.io, "Status codes"). */
import { isFailure, type FailureKind } from "../../errors.ts";

export const codes = { ok: 0, deadlineExceeded: 4, unimplemented: 12, internal: 13 } as const;

/** An end that no {@link Failure} has a kind for. */
export class GrpcError extends Error {
  readonly code: number;

  constructor(code: number, text: string) {
    super(text);
    this.name = "GrpcError";
    this.code = code;
  }
}

const codeOfKind: Readonly<Record<FailureKind, number>> = {
  cancelled: 1,
  invalid: 3,
  "not-found": 5,
  denied: 7,
  limit: 8,
  "no-space": 8,
  conflict: 9,
  unsupported: codes.unimplemented,
  internal: codes.internal,
  unavailable: 14,
  corrupt: 15,
  unauthorized: 16,
};

export interface Status {
  readonly code: number;
  readonly text: string;
}

export function statusOf(error: unknown): Status {
  if (error instanceof GrpcError) return { code: error.code, text: error.message };
  if (isFailure(error)) return { code: codeOfKind[error.kind], text: error.message };
  return { code: codes.internal, text: error instanceof Error ? error.message : String(error) };
}
