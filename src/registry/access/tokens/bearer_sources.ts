/** All whose tokens are taken, told apart by the issuer that a token names. */
import { Failure } from "../../../errors.ts";
import type { Bearer, BearerSource } from "./bearer_source.ts";
import { parseJwt } from "./jwt.ts";

export class BearerSources {
  readonly #sources: ReadonlyMap<string, BearerSource>;

  /** @throws Failure "invalid" if two have one name */
  constructor(sources: readonly BearerSource[]) {
    const twice = sources.find(({ issuer }, index) =>
      sources.slice(0, index).some((each) => each.issuer === issuer),
    );
    if (twice !== undefined)
      throw new Failure("invalid", `auth: two issuers of tokens are called ${twice.issuer}`);
    this.#sources = new Map(sources.map((source) => [source.issuer, source]));
  }

  /** @throws Failure "unauthorized" if the token is not good; "unavailable" if we could not find out */
  async bearerOf(token: string): Promise<Bearer> {
    const issuer = parseJwt(token)?.claims["iss"];
    const source = typeof issuer === "string" ? this.#sources.get(issuer) : undefined;
    if (source === undefined)
      throw new Failure("unauthorized", "the token is malformed or of an unknown issuer");
    return source.bearerOf(token);
  }
}
