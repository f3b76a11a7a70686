/**
 * A driver's parameters as a configuration file or the environment gives them: text or YAML's own types. Names are
 * distribution's. Every reader marks its name as known; {@link Parameters.end} refuses what nobody asked for.
 */
import { Failure } from "../../errors.ts";

export type ParameterValues = Readonly<Record<string, unknown>>;

export interface IntegerBounds {
  readonly least: number;
  readonly most?: number;
}

export class Parameters {
  readonly #driver: string;
  readonly #values: ParameterValues;
  readonly #known = new Set<string>();

  constructor(driver: string, values: ParameterValues) {
    this.#driver = driver;
    this.#values = values;
  }

  /** Text; what YAML makes of a tenant of digits, or of `no`, too. "" counts as missing. */
  text(name: string): string | undefined {
    const value = this.#take(name);
    if (value === undefined || value === null || value === "") return undefined;
    if (typeof value === "string" || typeof value === "number" || typeof value === "boolean")
      return String(value);
    throw this.#wrong(name, "must be text", value);
  }

  /** Text that has to be there. */
  required(name: string): string {
    const value = this.text(name);
    if (value !== undefined) return value;
    throw new Failure("invalid", `storage.${this.#driver}.${name} is missing`);
  }

  flag(name: string, missing: boolean): boolean {
    const value = this.#take(name);
    if (value === undefined || value === null) return missing;
    const text = String(value).toLowerCase();
    if (text === "true" || text === "1") return true;
    if (text === "false" || text === "0") return false;
    throw this.#wrong(name, "must be true or false", value);
  }

  integer(name: string, missing: number, { least, most = Number.MAX_SAFE_INTEGER }: IntegerBounds): number {
    const value = this.#take(name);
    if (value === undefined || value === null || value === "") return missing;
    const number =
      typeof value === "number" ? value : /^(?:\d+|0x[0-9a-f]+)$/i.test(String(value)) ? Number(value) : NaN;
    if (Number.isSafeInteger(number) && number >= least && number <= most) return number;
    const range = most === Number.MAX_SAFE_INTEGER ? `at least ${least}` : `from ${least} to ${most}`;
    throw this.#wrong(name, `must be a whole number, ${range}`, value);
  }

  /** Milliseconds, written as Go does: `100ms`, `1m30s`. */
  duration(name: string, missing: number): number {
    const text = this.text(name);
    if (text === undefined) return missing;
    const parts = [...text.matchAll(/(\d+(?:\.\d+)?)(ms|s|m|h)/g)];
    if (parts.length === 0 || parts.map(([all]) => all).join("") !== text) {
      throw this.#wrong(name, "must be a duration such as 100ms or 5s", text);
    }
    const units: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 };
    return parts.reduce((sum, [, count, unit]) => sum + Number(count) * (units[unit as string] as number), 0);
  }

  /** A map below this one. */
  section(name: string): Parameters | undefined {
    const value = this.#take(name);
    if (value === undefined || value === null) return undefined;
    if (typeof value !== "object" || Array.isArray(value)) throw this.#wrong(name, "must be a map", value);
    return new Parameters(`${this.#driver}.${name}`, value as ParameterValues);
  }

  /** One of some words, in any case. */
  oneOf<T extends string>(name: string, words: readonly T[], missing: T): T {
    const text = this.text(name);
    if (text === undefined) return missing;
    const word = words.find((candidate) => candidate.toLowerCase() === text.toLowerCase());
    if (word !== undefined) return word;
    throw this.#wrong(name, `must be one of ${words.join(", ")}`, text);
  }

  /** Names that distribution knows and that change nothing here. */
  ignore(...names: readonly string[]): void {
    for (const name of names) this.#known.add(name);
  }

  /** Throws `Failure("invalid")` for a parameter that was not asked for. */
  end(): void {
    for (const name of Object.keys(this.#values)) {
      if (this.#known.has(name)) continue;
      throw new Failure("invalid", `storage.${this.#driver}.${name} is not a parameter of this driver`, {
        hint: `Known are ${[...this.#known].sort().join(", ")}.`,
      });
    }
  }

  #take(name: string): unknown {
    this.#known.add(name);
    return this.#values[name];
  }

  #wrong(name: string, rule: string, value: unknown): Failure {
    // Secrets are text, and text is never refused for what it says: the value may be shown.
    return new Failure("invalid", `storage.${this.#driver}.${name} ${rule}, found ${JSON.stringify(value)}`);
  }
}
