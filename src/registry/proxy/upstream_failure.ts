/** An upstream that cannot help, as a client is told of it. */
import { isFailure } from "../../errors.ts";
import type { HttpAnswer } from "../../remote/index.ts";
import type { RegistryErrorCode } from "../../wire/index.ts";
import { RegistryError } from "../registry_error.ts";

/** The upstream cannot be reached, is busy or makes no sense: what is here may be given instead. */
export class UpstreamUnavailable extends RegistryError {
  constructor(upstream: string, reason: string, code: "UNAVAILABLE" | "TOOMANYREQUESTS" = "UNAVAILABLE") {
    super(code, [undefined], {}, { message: `upstream ${upstream}: ${reason}` });
    this.name = "UpstreamUnavailable";
  }
}

/** The upstream does not have it. */
export class UpstreamUnknown extends RegistryError {
  /** A registry has said so, and not something between that does not know the way to it. */
  readonly isCertain: boolean;

  constructor(upstream: string, code: RegistryErrorCode, isCertain: boolean) {
    super(code, [{ upstream }]);
    this.name = "UpstreamUnknown";
    this.isCertain = isCertain;
  }
}

/** The upstream knows us, or not, and will not give it. Not UNAUTHORIZED: no credentials of the client's would help. */
export function deniedBy(upstream: string, reason: string): RegistryError {
  const message = `upstream ${upstream} does not give it to this registry: ${reason}`;
  return new RegistryError("DENIED", [undefined], {}, { message });
}

/**
 * What an answer of 400 or more means, by its status.
 * @param unknown the code of what was asked for and is not there
 */
export function upstreamRefusal(
  upstream: string,
  { status, headers }: Pick<HttpAnswer, "status" | "headers">,
  reason: string,
  unknown: RegistryErrorCode,
): RegistryError {
  // Also the answer to a HEAD has it.
  const isRegistry = headers["docker-distribution-api-version"] !== undefined;
  if (status === 404) return new UpstreamUnknown(upstream, unknown, isRegistry);
  if (status === 401 || status === 403) return deniedBy(upstream, reason);
  return new UpstreamUnavailable(upstream, reason, status === 429 ? "TOOMANYREQUESTS" : "UNAVAILABLE");
}

/** What was thrown before there was an answer: by the network, or by a token server. */
export function unreachable(upstream: string, error: unknown): unknown {
  if (error instanceof RegistryError || !isFailure(error)) return error;
  if (error.kind === "unauthorized" || error.kind === "denied") return deniedBy(upstream, error.message);
  // Its own end is told apart by the caller, so this is a time that was over.
  return new UpstreamUnavailable(upstream, error.kind === "cancelled" ? "took too long" : error.message);
}
