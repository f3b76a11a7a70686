/** The refusals that tell a client what to get (B170, B171), as distribution words them. */
import { RegistryError } from "../registry_error.ts";
import { formatScope, mergeScopes } from "./scope.ts";
import type { Scope } from "./types.ts";

export interface BearerChallenge {
  /** Where tokens are had. */
  readonly realm: string;
  readonly service: string;
  readonly error?: "invalid_token" | "insufficient_scope" | undefined;
}

export function refuseBearer(challenge: BearerChallenge, needed: readonly Scope[]): RegistryError {
  const { realm, service, error } = challenge;
  const parts = [`realm=${quote(realm)}`, `service=${quote(service)}`];
  if (needed.length > 0) parts.push(`scope=${quote(mergeScopes(needed).map(formatScope).join(" "))}`);
  if (error !== undefined) parts.push(`error=${quote(error)}`);
  return unauthorized(`Bearer ${parts.join(",")}`, needed);
}

export function refuseBasic(realm: string, needed: readonly Scope[]): RegistryError {
  return unauthorized(`Basic realm=${quote(realm)}`, needed);
}

/** The identity is known, and may not. */
export function refuseKnown(needed: readonly Scope[]): RegistryError {
  return new RegistryError("DENIED", [detailOf(needed)]);
}

function unauthorized(challenge: string, needed: readonly Scope[]): RegistryError {
  return new RegistryError("UNAUTHORIZED", [detailOf(needed)], { "WWW-Authenticate": challenge });
}

/** distribution's access records, one for each action. */
function detailOf(needed: readonly Scope[]): unknown {
  const records = needed.flatMap(({ type, name, actions }) =>
    actions.map((action) => ({ Type: type, Class: "", Name: name, Action: action })),
  );
  return records.length === 0 ? null : records;
}

function quote(text: string): string {
  return `"${text.replace(/["\\]/g, "\\$&")}"`;
}
