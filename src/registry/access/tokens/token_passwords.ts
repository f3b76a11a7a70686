/**
 * Tokens in the place of passwords: `docker login` knows no other way to send a CI system's token. The user's name that
 * comes with it does not count.
 */
import { isFailure } from "../../../errors.ts";
import type { PasswordSource, Standing } from "../password_source.ts";
import type { Identity } from "../types.ts";
import type { BearerSources } from "./bearer_sources.ts";
import { parseJwt } from "./jwt.ts";

export class TokenPasswords implements PasswordSource {
  readonly #tokens: BearerSources;
  readonly #users: PasswordSource | undefined;

  /** @param users whom to ask about other passwords */
  constructor(tokens: BearerSources, users: PasswordSource | undefined) {
    this.#tokens = tokens;
    this.#users = users;
  }

  async identify(user: string, password: string): Promise<Identity | undefined> {
    if (parseJwt(password) === undefined) return this.#users?.identify(user, password);
    try {
      return (await this.#tokens.bearerOf(password)).identity;
    } catch (error) {
      if (isFailure(error, "unauthorized")) return undefined;
      throw error;
    }
  }

  /** Of the users with passwords only: a job's rights end with its token. */
  async standing(user: string): Promise<Standing | undefined> {
    return this.#users?.standing(user);
  }
}
