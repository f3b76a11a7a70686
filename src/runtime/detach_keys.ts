/** The key sequence that leaves a container running (`--detach-keys`), found in what the user types. */
import { Failure } from "../errors.ts";

/** Docker's default: ctrl-p,ctrl-q. */
export const defaultDetachKeys = "ctrl-p,ctrl-q";

/**
 * Reads `a,ctrl-b,...`: single characters, `DEL`, or `ctrl-` and a small letter or one of `@[\]^_`, separated by commas
 * (moby/term, `ToBytes`).
 * @returns the bytes to look for; none for ""
 * @throws {Failure} `invalid` for anything else
 */
export function parseDetachKeys(text: string): Uint8Array {
  if (text === "") return new Uint8Array();
  const invalid = (key: string): Failure =>
    new Failure("invalid", `invalid detach keys (${text}): Unknown character: '${key}'`);
  const keys = text.split(",").map((key) => {
    if (/^[ -~]$/.test(key)) return key.charCodeAt(0);
    if (key === "DEL") return 127;
    const control = /^ctrl-([a-z@[\\\]^_])$/.exec(key)?.[1];
    if (control === undefined) throw invalid(key);
    // ctrl- takes bit 6 away from the upper-case character: ctrl-a is 1, ctrl-[ is 27 (ASCII).
    return control.toUpperCase().charCodeAt(0) & 0x1f;
  });
  return Uint8Array.from(keys);
}

/**
 * Takes what is typed and gives on what the container is to get. The beginning of the sequence is kept back until
 * it is complete or broken off, as Docker does (moby/term, `escapeProxy`).
 */
export class DetachFilter {
  readonly #keys: Uint8Array;
  #matched = 0;

  constructor(keys: Uint8Array) {
    this.#keys = keys;
  }

  /** @returns the bytes to pass on, and whether the whole sequence was typed; what follows it is dropped */
  take(chunk: Uint8Array): { readonly pass: Uint8Array; readonly detached: boolean } {
    if (this.#keys.length === 0) return { pass: chunk, detached: false };
    const pass: number[] = [];
    for (const byte of chunk) {
      if (byte !== this.#keys[this.#matched]) {
        pass.push(...this.#keys.subarray(0, this.#matched));
        this.#matched = 0;
      }
      // The byte that breaks a beginning off may begin another.
      if (byte === this.#keys[this.#matched]) this.#matched++;
      else pass.push(byte);
      if (this.#matched === this.#keys.length) return { pass: Uint8Array.from(pass), detached: true };
    }
    return { pass: Uint8Array.from(pass), detached: false };
  }
}
