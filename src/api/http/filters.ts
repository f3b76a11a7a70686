/** `filters` of the Engine API: `{"label":["a=b"]}`, or the older `{"label":{"a=b":true}}`. */
import { Failure } from "../../errors.ts";

export class Filters {
  readonly #values: ReadonlyMap<string, ReadonlySet<string>>;

  private constructor(values: ReadonlyMap<string, ReadonlySet<string>>) {
    this.#values = values;
  }

  /**
   * @param known names that the route takes
   * @throws Failure("invalid") in Docker's words
   */
  static parse(text: string | null, known: readonly string[]): Filters {
    const values = new Map<string, ReadonlySet<string>>();
    if (text === null || text === "") return new Filters(values);
    let given: unknown;
    try {
      given = JSON.parse(text);
    } catch (cause) {
      throw new Failure("invalid", `invalid filter: ${(cause as Error).message}`, { cause });
    }
    if (typeof given !== "object" || given === null || Array.isArray(given)) {
      throw new Failure("invalid", "invalid filter");
    }
    for (const [name, value] of Object.entries(given)) {
      if (!known.includes(name)) throw new Failure("invalid", `invalid filter '${name}'`);
      values.set(name, new Set(Array.isArray(value) ? value.map(String) : keysOf(value)));
    }
    return new Filters(values);
  }

  has(name: string): boolean {
    return (this.#values.get(name)?.size ?? 0) > 0;
  }

  /** Empty where the filter was not given. */
  get(name: string): string[] {
    return [...(this.#values.get(name) ?? [])];
  }

  /** Whether the filter was not given, or one of its values fits. */
  admits(name: string, fits: (value: string) => boolean): boolean {
    return !this.has(name) || this.get(name).some(fits);
  }

  /** `label=key` and `label=key=value`: all that are given must be there. */
  admitsLabels(labels: Readonly<Record<string, string>>, name = "label"): boolean {
    return this.get(name).every((wanted) => {
      const equals = wanted.indexOf("=");
      if (equals < 0) return wanted in labels;
      return labels[wanted.slice(0, equals)] === wanted.slice(equals + 1);
    });
  }

  /** @throws Failure("invalid") for more than one value or another word */
  boolean(name: string, otherwise: boolean): boolean {
    const values = this.get(name);
    const [value] = values;
    if (value === undefined) return otherwise;
    if (values.length === 1 && ["1", "true"].includes(value)) return true;
    if (values.length === 1 && ["0", "false"].includes(value)) return false;
    throw new Failure("invalid", `invalid filter '${name}=[${values.join(" ")}]'`);
  }
}

function keysOf(value: unknown): string[] {
  if (typeof value !== "object" || value === null) return [String(value)];
  return Object.entries(value)
    .filter(([, on]) => on === true)
    .map(([key]) => key);
}
