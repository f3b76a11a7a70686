import type { Identity, Scope } from "../types.ts";

/** What a good token says. */
export interface Bearer {
  readonly identity: Identity;
  /** What its bearer may do, if the token says so itself; otherwise the rules decide. */
  readonly access: readonly Scope[] | undefined;
}

/** One who issues tokens, and how they are checked. */
export interface BearerSource {
  /** The `iss` of its tokens. */
  readonly issuer: string;
  /** @throws Failure "unauthorized" if the token is not good; "unavailable" if we could not find out */
  bearerOf(token: string): Promise<Bearer>;
}
