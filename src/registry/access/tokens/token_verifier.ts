/** Which tokens are good (distribution's docs/spec/auth/jwt.md). */
import { Failure, isFailure } from "../../../errors.ts";
import { isStrings, parseJwt, type Jwt, type JwtClaims } from "./jwt.ts";
import type { KeySource } from "./key_source.ts";
import { signatureAlgorithms, verifySignature } from "./signature_algorithm.ts";

export interface TokenVerifierOptions {
  readonly issuer: string;
  /** One of them must be among the token's. */
  readonly audiences: readonly string[];
  readonly keys: KeySource;
  /** Default: all that `signatureAlgorithms` names. */
  readonly algorithms?: readonly string[] | undefined;
  /** Milliseconds. */
  readonly now: () => number;
}

/** Seconds by which clocks may differ, as in distribution. */
const leeway = 60;

/** How many good tokens are remembered, and for how many milliseconds: a pull sends the same one for every layer. */
const [mostRemembered, rememberedFor] = [1000, 60_000];

interface Remembered {
  readonly claims: JwtClaims;
  readonly until: number;
}

export class TokenVerifier {
  readonly #options: TokenVerifierOptions;
  readonly #known = new Map<string, Remembered>();

  constructor(options: TokenVerifierOptions) {
    this.#options = options;
  }

  /**
   * The claims of a good token.
   * @throws Failure "unauthorized" that says what is wrong, for the log and not for the client; "unavailable" when keys
   * could not be had
   */
  async verify(token: string): Promise<JwtClaims> {
    const now = this.#options.now();
    const known = this.#known.get(token);
    const claims = known !== undefined && now < known.until ? known.claims : await this.#examine(token);
    checkTimes(claims, now / 1000);
    return claims;
  }

  async #examine(token: string): Promise<JwtClaims> {
    this.#known.delete(token);
    const { issuer, audiences, keys, algorithms = signatureAlgorithms, now } = this.#options;
    const jwt = parseJwt(token);
    if (jwt === undefined) throw refused("is malformed");
    const { header, claims } = jwt;
    if (!algorithms.includes(header.alg)) throw refused(`has the algorithm ${JSON.stringify(header.alg)}`);
    if (claims["iss"] !== issuer) throw refused(`is of the issuer ${JSON.stringify(claims["iss"])}`);
    const aud = typeof claims["aud"] === "string" ? [claims["aud"]] : claims["aud"];
    if (!isStrings(aud) || !audiences.some((audience) => aud.includes(audience)))
      throw refused(`is for ${JSON.stringify(claims["aud"])}`);
    checkTimes(claims, now() / 1000);
    if (!(await isSigned(jwt, keys))) throw refused("has a wrong signature");
    if (this.#known.size >= mostRemembered) this.#known.delete(this.#known.keys().next().value!);
    this.#known.set(token, { claims, until: now() + rememberedFor });
    return claims;
  }
}

async function isSigned({ header, signed, signature }: Jwt, keys: KeySource): Promise<boolean> {
  try {
    return verifySignature(header.alg, await keys.keyOf(header), signed, signature);
  } catch (error) {
    if (isFailure(error)) throw error;
    // OpenSSL throws at keys and signatures that it finds absurd.
    return false;
  }
}

/** @param now seconds */
function checkTimes({ exp, nbf = 0 }: JwtClaims, now: number): void {
  if (typeof exp !== "number" || now > exp + leeway) throw refused("has expired");
  if (typeof nbf !== "number" || now < nbf - leeway) throw refused("is not valid yet");
}

function refused(how: string): Failure {
  return new Failure("unauthorized", `the token ${how.slice(0, 300)}`);
}
