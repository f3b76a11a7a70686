/** What an unexpected answer of an object store means. */
import { Failure, type FailureKind } from "../../../errors.ts";
import type { StoreRequest } from "./http_client.ts";

export interface StoreAnswer {
  readonly status: number;
  /** The vendor's name of the error: `AccessDenied`. */
  readonly code?: string | undefined;
  readonly message?: string | undefined;
}

const full = new Set(["QuotaExceeded", "InsufficientStorage", "XMinioStorageFull", "AccountIsFull"]);

/** The place itself is missing, which no file is the reason of. */
const placeless = new Set(["NoSuchBucket", "ContainerNotFound", "AccountNotFound"]);

/** `denied` for 401 and 403, `no-space` for a full store, `not-found` for 404, `unavailable` for all else. */
export function storeFailure(driver: string, request: StoreRequest, answer: StoreAnswer): Failure {
  const { status, code, message } = answer;
  const said = [code, message].filter((text) => text !== undefined && text !== "").join(": ");
  const { method, url } = request;
  const text = `${driver} refused ${method} ${url.origin}${url.pathname} with ${status}${said && `, ${said.slice(0, 500)}`}`;
  return new Failure(kindOf(answer), text);
}

function kindOf({ status, code }: StoreAnswer): FailureKind {
  if (status === 507 || (code !== undefined && full.has(code))) return "no-space";
  if (status === 401 || status === 403) return "denied";
  return status === 404 && !placeless.has(code ?? "") ? "not-found" : "unavailable";
}
