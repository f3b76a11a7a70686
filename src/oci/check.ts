/** Shape checks for parsed JSON. Each throws `Failure("invalid")` naming the field, its value and what was expected. */
import { Failure } from "../errors.ts";

export type JsonObject = Record<string, unknown>;

/** Fails a check. `where` names the field as the user finds it: `manifest layers[2].size`. */
export function wrong(where: string, value: unknown, expected: string): never {
  const shown = value === undefined ? "nothing" : (JSON.stringify(value) ?? typeof value).slice(0, 200);
  throw new Failure("invalid", `invalid ${where}: expected ${expected}, got ${shown}`);
}

export function objectAt(value: unknown, where: string): JsonObject {
  if (typeof value === "object" && value !== null && !Array.isArray(value)) return value as JsonObject;
  return wrong(where, value, "an object");
}

export function arrayAt(value: unknown, where: string): unknown[] {
  return Array.isArray(value) ? value : wrong(where, value, "a list");
}

export function stringAt(value: unknown, where: string): string {
  return typeof value === "string" ? value : wrong(where, value, "a string");
}

export function optionalString(value: unknown, where: string): void {
  if (value !== undefined) stringAt(value, where);
}

/** A list of strings; null stands for an absent list, as Go writes it. */
export function optionalStrings(value: unknown, where: string): void {
  if (value === undefined || value === null) return;
  for (const [i, item] of arrayAt(value, where).entries()) stringAt(item, `${where}[${i}]`);
}

/** A map to strings; null stands for an absent map. */
export function optionalStringMap(value: unknown, where: string): void {
  if (value === undefined || value === null) return;
  for (const [key, item] of Object.entries(objectAt(value, where))) stringAt(item, `${where}.${key}`);
}
