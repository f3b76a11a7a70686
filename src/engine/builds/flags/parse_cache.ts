/** `--cache-to` and `--cache-from`: where the cache of steps is kept besides here. */
import { Failure } from "../../../errors.ts";
import { parseReference, withDefaultTag, type Reference } from "../../../oci/index.ts";
import { csvAttributes, csvBoolean } from "./csv_fields.ts";

export type CachePlace =
  | { readonly type: "registry"; readonly name: Reference }
  /** A directory. */
  | { readonly type: "local"; readonly directory: string };

export interface CacheDestination {
  /** `inline`: the image's own config, which goes where the image goes. */
  readonly place: CachePlace | { readonly type: "inline" };
  /** `max`: the steps of all stages; `min`: those of the result. */
  readonly mode: "min" | "max";
  /** A cache that cannot be written does not fail the build. */
  readonly ignoreError: boolean;
}

/** `type=registry,ref=NAME`, `type=local,src=DIR`, or NAME alone. Throws `Failure("invalid")`, `"unsupported"`. */
export function parseCacheFrom(text: string): CachePlace {
  return placeOf(attributesOf(text, "cache-from", ["type", "ref", "src"]), "cache-from", "src");
}

/** As {@link parseCacheFrom}, with `dest` for a directory, `type=inline`, `mode=min|max` and `ignore-error=true`. */
export function parseCacheTo(text: string): CacheDestination {
  const attributes = attributesOf(text, "cache-to", ["type", "ref", "dest", "mode", "ignore-error"]);
  const mode = attributes.get("mode") ?? "min";
  if (mode !== "min" && mode !== "max")
    throw new Failure("invalid", `invalid mode "${mode}" of --cache-to: it is neither min nor max`);
  const isInline = attributes.get("type") === "inline";
  const place = isInline ? { type: "inline" as const } : placeOf(attributes, "cache-to", "dest");
  return { place, mode, ignoreError: csvBoolean(attributes, "ignore-error", "cache-to") };
}

function attributesOf(text: string, flag: string, keys: readonly string[]): Map<string, string> {
  // A lone name is what Docker's classic builder takes.
  if (text !== "" && !/[=,]/.test(text)) return new Map([["type", "registry"], ["ref", text]]); // prettier-ignore
  const attributes = csvAttributes(text, flag);
  const wrong = [...attributes.keys()].find((key) => !keys.includes(key));
  if (wrong === undefined) return attributes;
  throw new Failure("invalid", `--${flag} has no attribute "${wrong}"`, {
    hint: `It has ${keys.join(", ")}.`,
  });
}

function placeOf(attributes: ReadonlyMap<string, string>, flag: string, pathKey: string): CachePlace {
  const type = attributes.get("type");
  const needed = (key: string): string => {
    const value = attributes.get(key);
    if (value === undefined || value === "")
      throw new Failure("invalid", `--${flag} type=${type ?? ""}: ${key} is required`);
    return value;
  };
  switch (type) {
    case "registry":
      return { type, name: withDefaultTag(parseReference(needed("ref"))) };
    case "local":
      return { type, directory: needed(pathKey) };
    default:
      throw new Failure("unsupported", `unsupported cache type "${type ?? ""}" of --${flag}`, {
        hint: `The types are registry${flag === "cache-to" ? ", local and inline" : " and local"}.`,
      });
  }
}
