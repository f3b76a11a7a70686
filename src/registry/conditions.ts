/** Conditional requests (RFC 9110, section 13): an entity tag is the digest in quotes. */
import type { Digest } from "../oci/index.ts";
import type { Exchange } from "./exchange.ts";
import { RegistryError } from "./registry_error.ts";

export const etagOf = (digest: Digest) => `"${digest}"`;

/** Whether the client has it already, so that 304 is the answer to its GET or HEAD. */
export function isUnmodified(exchange: Exchange, digest: Digest): boolean {
  const header = exchange.request.headers["if-none-match"];
  return header !== undefined && matches(header, digest);
}

/**
 * Throws 412 unless what is there is what the client expects: `If-Match` of a PUT or DELETE that must not overwrite
 * somebody else's, `If-None-Match: *` of one that must be the first.
 * @param current what the name leads to now
 */
export function checkPreconditions(exchange: Exchange, current: Digest | undefined): void {
  const { "if-match": match, "if-none-match": noneMatch } = exchange.request.headers;
  const failed =
    (match !== undefined && (current === undefined || !matches(match, current))) ||
    (noneMatch !== undefined && current !== undefined && matches(noneMatch, current));
  if (failed) throw preconditionFailed(current);
}

export function preconditionFailed(current: Digest | undefined): RegistryError {
  const headers = current === undefined ? {} : { Etag: etagOf(current) };
  const message = "the manifest is not the one that the request expects";
  return new RegistryError("DENIED", [{ current }], headers, { status: 412, message });
}

/** The digest without quotes counts as well: distribution compares it so. */
function matches(header: string, digest: Digest): boolean {
  return header
    .split(",")
    .map((tag) => tag.trim().replace(/^W\//, ""))
    .some((tag) => tag === "*" || tag === etagOf(digest) || tag === digest);
}
