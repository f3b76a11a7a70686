/** Reads a section of the configuration, and says exactly what is wrong with it. */
import { Failure } from "../../errors.ts";
import { isRecord, isStrings } from "./tokens/jwt.ts";

export class ConfigFields {
  /** Where it stands: `auth.htpasswd`. */
  readonly path: string;
  readonly #values: Readonly<Record<string, unknown>>;

  /** @throws Failure "invalid" for what is no section, or has a key that is not `known` */
  constructor(value: unknown, path: string, known: readonly string[]) {
    this.path = path;
    // YAML's `none:` without anything after it is null.
    const values = value ?? {};
    if (!isRecord(values)) throw new Failure("invalid", `${path}: expected a section, found ${show(value)}`);
    const stranger = Object.keys(values).find((key) => !known.includes(key));
    if (stranger !== undefined)
      throw new Failure("invalid", `${path}: unknown key "${stranger}" (known: ${known.join(", ")})`);
    this.#values = values;
  }

  has(key: string): boolean {
    return this.#values[key] !== undefined;
  }

  raw(key: string): unknown {
    return this.#values[key];
  }

  text(key: string): string {
    const value = this.#values[key];
    if (value === undefined || value === null)
      throw new Failure("invalid", `${this.path}.${key}: is missing`);
    if (typeof value !== "string" || value === "") throw this.wrong(key, "a text");
    return value;
  }

  textOr<Other>(key: string, other: Other): string | Other {
    return this.has(key) ? this.text(key) : other;
  }

  oneOf<Choice extends string>(key: string, choices: readonly Choice[], usual: Choice): Choice {
    if (!this.has(key)) return usual;
    const found = choices.find((choice) => choice === this.#values[key]);
    if (found === undefined) throw this.wrong(key, `one of ${choices.join(", ")}`);
    return found;
  }

  flag(key: string): boolean {
    const value = this.#values[key] ?? false;
    if (typeof value !== "boolean") throw this.wrong(key, "true or false");
    return value;
  }

  /** A list of texts, or one text. */
  texts(key: string): readonly string[] {
    const value = this.#values[key] ?? [];
    const list = typeof value === "string" ? [value] : value;
    if (!isStrings(list)) throw this.wrong(key, "a list of texts");
    return list;
  }

  /** Texts by name: `{team: [jo, al]}`. */
  textsByName(key: string): Readonly<Record<string, readonly string[]>> {
    const value = this.#values[key] ?? {};
    if (!isRecord(value)) throw this.wrong(key, "a section");
    const section = new ConfigFields(value, `${this.path}.${key}`, Object.keys(value));
    return Object.fromEntries(Object.keys(value).map((name) => [name, section.texts(name)]));
  }

  /** Seconds, written as a number of them or like `90s`, `5m`, `12h`, `30d`. */
  seconds(key: string, usual: number): number {
    const value = this.#values[key] ?? usual;
    const match = /^(\d{1,9})(s|m|h|d)?$/.exec(String(value));
    const seconds =
      match === null ? 0 : Number(match[1]) * secondsOf[(match[2] ?? "s") as keyof typeof secondsOf];
    if (seconds === 0) throw this.wrong(key, "a time such as 300, 90s, 5m, 12h or 30d");
    return seconds;
  }

  /** The elements of a list of sections. */
  sections(key: string, known: readonly string[]): ConfigFields[] {
    const value = this.#values[key] ?? [];
    if (!Array.isArray(value)) throw this.wrong(key, "a list");
    return value.map(
      (each: unknown, index) => new ConfigFields(each, `${this.path}.${key}[${index}]`, known),
    );
  }

  wrong(key: string, expected: string): Failure {
    return new Failure(
      "invalid",
      `${this.path}.${key}: expected ${expected}, found ${show(this.#values[key])}`,
    );
  }
}

const secondsOf = { s: 1, m: 60, h: 3600, d: 86_400 };

function show(value: unknown): string {
  const text = JSON.stringify(value) ?? "nothing";
  return text.length > 60 ? `${text.slice(0, 60)}...` : text;
}
