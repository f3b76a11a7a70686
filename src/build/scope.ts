/** The variables that a stage's instructions see: its environment, and the build arguments declared so far. */
import { expandWord, expandWords, type ArgInstruction } from "../dockerfile/index.ts";
import type { ContainerConfig } from "../oci/index.ts";
import type { Plan } from "./plan.ts";

/** May be given without any `ARG`; commands see them, and no history and no cache key does (Dockerfile reference). */
const predefined = new Set(
  ["HTTP_PROXY", "HTTPS_PROXY", "FTP_PROXY", "NO_PROXY", "ALL_PROXY"].flatMap((name) => [
    name,
    name.toLowerCase(),
  ]),
);

export interface ScopeOptions {
  readonly plan: Pick<Plan, "globals" | "automatic">;
  readonly given: Readonly<Record<string, string>>;
  readonly escape: "\\" | "`";
}

/** Of one stage. Environment variables win over arguments of the same name. */
export class Scope {
  readonly #options: ScopeOptions;
  /** Declared arguments; undefined: declared without a value. */
  readonly #args = new Map<string, string | undefined>();

  constructor(options: ScopeOptions) {
    this.#options = options;
  }

  /** Takes an `ARG`: what was given, else the default, else what the global scope has. Returns what it has come to. */
  declare(
    { values }: ArgInstruction,
    config: ContainerConfig,
  ): { readonly name: string; readonly value?: string | undefined }[] {
    const { given, plan } = this.#options;
    // Names of the same instruction are not known in its values.
    const declared = values.map(({ name, value }) => {
      const byDefault =
        value === undefined ? (plan.globals.get(name) ?? plan.automatic.get(name)) : this.word(value, config);
      return { name, value: given[name] ?? byDefault };
    });
    for (const { name, value } of declared) this.#args.set(name, value);
    return declared;
  }

  word(text: string, config: ContainerConfig): string {
    return expandWord(text, (name) => this.#lookup(name, config), { escape: this.#options.escape });
  }

  words(text: string, config: ContainerConfig): string[] {
    return expandWords(text, (name) => this.#lookup(name, config), { escape: this.#options.escape });
  }

  /** Value for a here-document's variable. */
  lookup(config: ContainerConfig): (name: string) => string | undefined {
    return (name) => this.#lookup(name, config);
  }

  /** `NAME=value` of the arguments that a command sees, as declared; those that the environment hides are left out. */
  commandArgs(config: ContainerConfig): string[] {
    const env = environment(config);
    return [...this.#args]
      .filter(([name, value]) => value !== undefined && !env.has(name))
      .map(([name, value]) => `${name}=${value as string}`);
  }

  /**
   * `NAME=value` as the row of a command has them. BuildKit tells all that are declared, with the value that the command
   * sees. The old builder tells those that are no variables of the environment, sorted; undefined: it tells of none, not
   * even of their number, as it does when there are only proxies.
   */
  toldArgs(config: ContainerConfig, mode: "buildkit" | "classic"): string[] | undefined {
    const env = environment(config);
    if (mode === "buildkit")
      return [...this.#args].map(([name, value]) => `${name}=${env.get(name) ?? value ?? ""}`);
    const told = this.commandArgs(config).sort();
    return told.length > 0 || this.proxies().length > 0 ? told : undefined;
  }

  /** Proxies that were given and not declared. They may hold passwords: never in a history, a key or a log. */
  proxies(): string[] {
    return Object.entries(this.#options.given)
      .filter(([name]) => predefined.has(name) && !this.#args.has(name))
      .map(([name, value]) => `${name}=${value}`);
  }

  #lookup(name: string, config: ContainerConfig): string | undefined {
    return environment(config).get(name) ?? this.#args.get(name);
  }
}

/** Names of arguments that were given, and neither declared anywhere nor predefined. */
export function unusedArgs(
  given: Readonly<Record<string, string>>,
  declared: readonly ArgInstruction[],
): string[] {
  const names = new Set(declared.flatMap(({ values }) => values.map(({ name }) => name)));
  return Object.keys(given).filter(
    (name) => !names.has(name) && !predefined.has(name) && !/^(BUILDKIT_|SOURCE_DATE_EPOCH$)/.test(name),
  );
}

function environment({ Env }: ContainerConfig): ReadonlyMap<string, string> {
  return new Map(
    (Env ?? []).map((variable) => {
      const equals = variable.indexOf("=");
      return [variable.slice(0, equals), variable.slice(equals + 1)];
    }),
  );
}
