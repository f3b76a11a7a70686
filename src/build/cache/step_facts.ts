/** What a step depended on, in short: enough to say later what has changed, and no values. */
import { digestOf, goJson, hexOf } from "../../oci/index.ts";

/** By name, short digests: an argument may be a secret of somebody, and forty thousand files are many. */
export type ShortDigests = Readonly<Record<string, string>>;

export interface StepFacts {
  /** The instruction as written. */
  readonly text: string;
  /** Chain ID of the layers below; "" for none, and for a step to which they do not matter. */
  readonly below: string;
  /** Build arguments and environment of a command, by name. */
  readonly args: ShortDigests;
  readonly env: ShortDigests;
  /** All else of the key, by name: `user`, `mounts`. */
  readonly inputs: ShortDigests;
  /** Digest of all files that it takes. */
  readonly content?: string;
  /** Each of them by path; left out where they are too many. */
  readonly files?: ShortDigests;
}

/** A step as the key has it. `inputs.args` and `inputs.env` are lists of `NAME=value`. */
export interface StepParts {
  readonly text: string;
  readonly below: string;
  readonly inputs: Readonly<Record<string, unknown>>;
  readonly content?: { readonly digest: string; readonly items?: ReadonlyMap<string, string> };
}

/** The facts of a step. */
export function stepFacts({ text, below, inputs, content }: StepParts): StepFacts {
  const { args, env, ...rest } = inputs;
  const others = Object.entries(rest).filter(([, value]) => value !== undefined);
  return {
    text,
    below,
    args: namedValues(args),
    env: namedValues(env),
    inputs: record(others.map(([name, value]) => [name, short(value)])),
    ...(content !== undefined && { content: short(content.digest) }),
    ...(content?.items !== undefined && {
      files: record([...content.items].map(([path, digest]) => [path, short(digest)])),
    }),
  };
}

function namedValues(list: unknown): ShortDigests {
  if (!Array.isArray(list)) return {};
  return record(
    list
      .filter((item): item is string => typeof item === "string")
      .map((item) => {
        const equals = item.indexOf("=");
        return equals < 0 ? [item, ""] : [item.slice(0, equals), short(item.slice(equals + 1))];
      }),
  );
}

/** Without a prototype: names are anybody's. */
function record(entries: readonly (readonly string[])[]): ShortDigests {
  const made = Object.create(null) as Record<string, string>;
  for (const [name, value] of entries) made[name as string] = value as string;
  return made;
}

function short(value: unknown): string {
  return hexOf(digestOf(goJson(value, { sortKeys: true }))).slice(0, 12);
}
