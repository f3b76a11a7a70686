/** Query parameters of `POST /build` that are JSON. */
import { Failure } from "../../../errors.ts";
import type { Call } from "../../http/index.ts";

/** A JSON map. An argument without a value keeps its default. @throws Failure("invalid"), which begins with the complaint */
export function stringsOf({ query }: Call, name: string, complaint: string): Record<string, string> {
  const value = jsonOf(query.get(name) ?? "", complaint) ?? {};
  const entries = typeof value === "object" && !Array.isArray(value) ? Object.entries(value) : undefined;
  if (entries?.every(([, each]) => each === null || typeof each === "string") !== true)
    throw new Failure("invalid", `${complaint}: not a map of strings`);
  return Object.fromEntries(entries.filter(([, each]) => each !== null)) as Record<string, string>;
}

/** A JSON list of names of images. @throws Failure("invalid") */
export function cacheFrom({ query }: Call): readonly string[] {
  const list = jsonOf(query.get("cachefrom") ?? "", "error reading cache-from") ?? [];
  if (Array.isArray(list) && list.every((each) => typeof each === "string")) return list;
  throw new Failure("invalid", "error reading cache-from: not a list of names");
}

/** Undefined: nothing is given. */
export function jsonOf(text: string, complaint: string): unknown {
  try {
    return text === "" ? undefined : (JSON.parse(text) ?? undefined);
  } catch (cause) {
    throw new Failure("invalid", `${complaint}: ${(cause as Error).message}`, { cause });
  }
}
