/** Logging in by a form at a registry that gives out tokens itself. */
import { isFailure } from "../../../errors.ts";
import type { PasswordSource } from "../password_source.ts";
import type { BrowserLogin, Scope } from "../types.ts";
import type { TokenIssuer } from "./token_issuer.ts";

/** Seconds. A browser may be left open. */
const sessionLife = 3600;

/** The session is a signed text in the browser, so that it holds at all instances that share the issuer's key. */
export function issuerLogin(issuer: TokenIssuer, passwords: PasswordSource): BrowserLogin {
  return {
    expires: sessionLife,
    async begin(name, password) {
      const user = (await passwords.identify(name, password))?.user;
      return user === undefined ? undefined : issuer.issueSession(user, sessionLife);
    },
    async resume(text) {
      try {
        const identity = await issuer.redeemSession(text);
        if (identity?.user === undefined) return undefined;
        const authorization = async (wanted: readonly Scope[]) =>
          `Bearer ${(await issuer.issue(identity, wanted)).token}`;
        return { user: identity.user, authorization };
      } catch (error) {
        if (isFailure(error, "unauthorized")) return undefined;
        throw error;
      }
    },
  };
}
