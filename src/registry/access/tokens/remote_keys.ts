/** A provider's JSON Web Key Set, read from its URL when it is needed and again when it may have changed. */
import { isFailure } from "../../../errors.ts";
import { fetchDocument } from "./fetch_json.ts";
import { parseJwkSet, type JwkSet, type TrustedKey } from "./jwk_set.ts";

/** Milliseconds. What a provider says about the age of its answer counts within these. */
const [youngest, oldest, usual] = [60_000, 86_400_000, 600_000];

/** Milliseconds between two readings because of an unknown key: a forger must not make us ask for each token. */
const betweenReadings = 30_000;

/** Milliseconds for which keys are used on, while the provider cannot be reached. */
const longestOutage = 86_400_000;

export class RemoteKeys {
  readonly #url: () => Promise<string>;
  readonly #now: () => number;
  #keys: JwkSet | undefined;
  #read = -Infinity;
  #tried = -Infinity;
  #expires = -Infinity;
  #reading: Promise<void> | undefined;

  /** @param url where the set is, found out at the first need; @param now milliseconds */
  constructor(url: () => Promise<string>, now: () => number) {
    this.#url = url;
    this.#now = now;
  }

  /**
   * The key of this name; undefined if the provider has none.
   * @throws Failure "unavailable" if the provider has not been reached for a day or ever
   */
  async find(kid: string): Promise<TrustedKey | undefined> {
    const now = this.#now();
    const known = this.#keys?.get(kid);
    const stale = now >= this.#expires;
    const due = now - this.#tried >= betweenReadings;
    if (this.#reading !== undefined || (due && (stale || known === undefined)) || this.#keys === undefined) {
      await this.#refresh();
      return this.#keys?.get(kid);
    }
    return known;
  }

  async #refresh(): Promise<void> {
    try {
      await (this.#reading ??= this.#readKeys().finally(() => (this.#reading = undefined)));
    } catch (error) {
      const usable = this.#keys !== undefined && this.#now() - this.#read < longestOutage;
      if (!usable || !isFailure(error)) throw error;
    }
  }

  async #readKeys(): Promise<void> {
    this.#tried = this.#now();
    const { text, maxAge } = await fetchDocument(await this.#url());
    this.#keys = parseJwkSet(text);
    this.#read = this.#now();
    const life = maxAge === undefined ? usual : Math.min(oldest, Math.max(youngest, maxAge * 1000));
    this.#expires = this.#read + life;
  }
}
