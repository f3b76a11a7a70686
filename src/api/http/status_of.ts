/** HTTP statuses of failures (moby, api/server/httpstatus/status.go). */
import { isFailure, type FailureKind } from "../../errors.ts";

const statuses: Readonly<Record<FailureKind, number>> = {
  invalid: 400,
  "not-found": 404,
  conflict: 409,
  corrupt: 500,
  limit: 413,
  unauthorized: 401,
  denied: 403,
  unsupported: 501,
  unavailable: 503,
  "no-space": 500,
  cancelled: 499,
  internal: 500,
};

/** What a handler throws where Docker's status is not the one of its kind. */
export class ApiError extends Error {
  readonly status: number;

  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

export function statusOf(error: unknown): number {
  if (error instanceof ApiError) return error.status;
  return isFailure(error) ? statuses[error.kind] : 500;
}
