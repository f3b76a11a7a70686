/** `filters` of the Engine API: `{"label":["a=b"]}`, or the older `{"label":{"a=b":true}}`. */
import { hasLabel } from "../../engine/index.ts";
import { Failure } from "../../errors.ts";

export class Filters {
  readonly #values: ReadonlyMap<string, ReadonlySet<string>>;

  private constructor(values: ReadonlyMap<string, ReadonlySet<string>>) {
    this.#values = values;
  }

  /**
   * @param known names that the route takes; without, others than those that are asked for are passed over
   * @throws Failure("invalid") in Docker's words
   */
  static parse(text: string | null, known?: readonly string[]): Filters {
    const values = new Map<string, ReadonlySet<string>>();
    for (const [name, value] of Object.entries(parsed(text))) {
      const wanted = valuesOf(value);
      if (wanted === undefined) throw new Failure("invalid", "invalid filter");
      if (known?.includes(name) === false) throw new Failure("invalid", `invalid filter '${name}'`);
      values.set(name, new Set(wanted));
    }
    return new Filters(values);
  }

  /** All values, by name. */
  get values(): ReadonlyMap<string, ReadonlySet<string>> {
    return this.#values;
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
    return this.get(name).every((wanted) => hasLabel(labels, wanted));
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

function parsed(text: string | null): object {
  if (text === null || text === "") return {};
  try {
    const given: unknown = JSON.parse(text);
    if (given === null) return {};
    if (typeof given === "object" && !Array.isArray(given)) return given;
  } catch {
    // Docker does not say either what is wrong with it.
  }
  throw new Failure("invalid", "invalid filter");
}

/**
 * Undefined: neither form. Such a value is refused, and not taken for no filter: a prune would take what nobody meant
 * (moby, api/types/filters, `FromJSON`).
 */
function valuesOf(value: unknown): readonly string[] | undefined {
  if (value === null) return [];
  if (Array.isArray(value)) return value.every((each) => typeof each === "string") ? value : undefined;
  if (typeof value !== "object") return undefined;
  const [keys, marks] = [Object.keys(value), Object.values(value)];
  return marks.every((mark) => typeof mark === "boolean") ? keys : undefined;
}
