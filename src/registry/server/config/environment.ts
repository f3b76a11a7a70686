/**
 * Variables of the environment that overrule the file, by distribution's rule (`configuration/parser.go`): the key path in
 * capitals behind `REGISTRY_`, its parts joined by `_`; the value is YAML. So `REGISTRY_HTTP_ADDR=:5000`. Those with shorter
 * names come first: `REGISTRY_STORAGE=s3` replaces the file's storage, `REGISTRY_STORAGE_S3_BUCKET=b` goes into it then.
 */
import { parseVariable, type ConfigSource } from "./config_source.ts";
import type { Field, KeyPath } from "./field.ts";

export type Environment = Readonly<Record<string, string | undefined>>;

const prefix = "REGISTRY_";

/** @param unknown told of a variable that names no key: as in distribution no error, since Kubernetes sets such ones */
export async function withEnvironment(
  source: ConfigSource,
  schema: Field<unknown>,
  environment: Environment,
  unknown: (message: string) => void,
): Promise<ConfigSource> {
  const places = new Map<string, string>();
  let value = source.value;
  const names = Object.keys(environment).filter(
    (name) => name.startsWith(prefix) && environment[name] !== "",
  );
  for (const name of names.sort()) {
    const keys = name.slice(prefix.length).toLowerCase().split("_");
    const wrong = strangerIn(schema, keys);
    if (wrong !== undefined) {
      unknown(`${name} is ignored: there is no key ${wrong}`);
      continue;
    }
    const path = pathIn(value, keys);
    value = withValue(value, path, await parseVariable(name, environment[name] as string));
    places.set(path.join("."), name);
  }
  return { value, where: (path) => variableOf(places, path) ?? source.where(path) };
}

/** The first key that the grammar does not have. */
function strangerIn(schema: Field<unknown>, keys: readonly string[]): string | undefined {
  let field: Field<unknown> | undefined = schema;
  for (const [index, key] of keys.entries()) {
    field = field.child?.(key);
    if (field === undefined) return keys.slice(0, index + 1).join(".");
  }
  return undefined;
}

/** The keys as the file spells them, where it does: those of headers have capitals. */
function pathIn(value: unknown, keys: readonly string[]): string[] {
  const path: string[] = [];
  let at = value;
  for (const key of keys) {
    const known = typeof at === "object" && at !== null ? Object.keys(at) : [];
    const spelled = known.find((each) => each.toLowerCase() === key) ?? key;
    path.push(spelled);
    at = (at as Record<string, unknown> | undefined)?.[spelled];
  }
  return path;
}

function withValue(value: unknown, [key, ...rest]: readonly string[], fresh: unknown): unknown {
  if (key === undefined) return fresh;
  if (Array.isArray(value)) {
    const copy: unknown[] = [...value];
    copy[Math.min(Number(key), copy.length)] = withValue(value[Number(key)], rest, fresh);
    return copy;
  }
  // `storage: s3` and `auth: none` are short for a map.
  const map =
    typeof value === "string" ? { [value]: {} } : typeof value === "object" && value !== null ? value : {};
  return { ...map, [key]: withValue((map as Record<string, unknown>)[key], rest, fresh) };
}

function variableOf(places: ReadonlyMap<string, string>, path: KeyPath): string | undefined {
  for (let length = path.length; length > 0; length--) {
    const name = places.get(path.slice(0, length).join("."));
    if (name !== undefined) return name;
  }
  return undefined;
}
