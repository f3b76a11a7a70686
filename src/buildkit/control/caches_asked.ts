/** Caches of steps that lie elsewhere, as clients name them (moby/buildkit, cache/remotecache). */
import { parseCacheFrom, parseCacheTo, type BuildRequest } from "../../engine/index.ts";
import { Failure } from "../../errors.ts";
import type { Attributes } from "./dockerfile_attributes.ts";

export interface CacheAsked {
  readonly type: string;
  readonly attributes: Attributes;
}

type Caches = Pick<BuildRequest, "cacheFrom" | "cacheTo">;

/**
 * A directory would be the client's, and is not to be had; GitHub's and others' services are not spoken to. BuildKit warns
 * of what cannot be taken from and goes on; so does this.
 * @throws Failure("unsupported") for what cannot be written to
 */
export function cachesAsked(
  from: readonly CacheAsked[],
  to: readonly CacheAsked[],
  onWarning: (text: string) => void,
): Caches {
  const taken = from.filter(({ type }) => {
    if (type === "registry") return true;
    onWarning(`cache imports of type ${type} are not supported`);
    return false;
  });
  const wrong = to.find(({ type }) => type !== "registry" && type !== "inline");
  if (wrong !== undefined)
    throw new Failure("unsupported", `unsupported cache exporter: ${wrong.type}`, {
      hint: "Caches are written to a registry or inline.",
    });
  return {
    cacheFrom: taken.map(({ attributes }) =>
      parseCacheFrom(csv({ type: "registry", ref: attributes["ref"] })),
    ),
    cacheTo: to.map(({ type, attributes }) =>
      parseCacheTo(
        csv({
          type,
          ref: type === "registry" ? attributes["ref"] : undefined,
          mode: attributes["mode"],
          "ignore-error": attributes["ignore-error"],
        }),
      ),
    ),
  };
}

/** One line as command lines have it. */
function csv(fields: Readonly<Record<string, string | undefined>>): string {
  return Object.entries(fields)
    .filter(([, value]) => value !== undefined)
    .map(([key, value]) => `"${key}=${(value as string).replaceAll('"', '""')}"`)
    .join(",");
}

/** Imports among the attributes of the frontend: `cache-imports` in JSON, before that `cache-from`, a list of names. */
export function cachesOfAttributes(attributes: Attributes): CacheAsked[] {
  const names = (attributes["cache-from"] ?? "").split(",").filter((name) => name !== "");
  const old = names.map((ref) => ({ type: "registry", attributes: { ref } }));
  const text = attributes["cache-imports"] ?? "";
  if (text === "") return old;
  let list: unknown;
  try {
    list = JSON.parse(text);
  } catch (cause) {
    throw new Failure("invalid", `failed to unmarshal cache-imports: ${(cause as Error).message}`, { cause });
  }
  if (!Array.isArray(list)) throw new Failure("invalid", "failed to unmarshal cache-imports: it is no list");
  return [...list.map(entryOf), ...old];
}

function entryOf(value: unknown): CacheAsked {
  const { Type, Attrs = {} } = (value ?? {}) as Record<string, unknown>;
  const isMap = typeof Attrs === "object" && Attrs !== null && !Array.isArray(Attrs);
  if (typeof Type !== "string" || !isMap || !Object.values(Attrs).every((each) => typeof each === "string"))
    throw new Failure("invalid", "failed to unmarshal cache-imports: an entry has no type or no attributes");
  return { type: Type, attributes: Attrs as Record<string, string> };
}
