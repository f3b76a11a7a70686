/** The claim by which a token gives rights: `[{"type", "name", "actions"}]`. */
import { isAction } from "../scope.ts";
import type { Scope } from "../types.ts";
import { isRecord } from "./jwt.ts";

const types: ReadonlySet<unknown> = new Set<Scope["type"]>(["repository", "registry"]);

/** What the claim gives; entries of other types give nothing. Undefined for what is no such claim. */
export function parseAccessClaim(value: unknown): Scope[] | undefined {
  if (value === undefined || value === null) return [];
  if (!Array.isArray(value)) return undefined;
  const scopes: Scope[] = [];
  for (const entry of value) {
    if (!isRecord(entry)) return undefined;
    const { type, name, actions } = entry;
    if (typeof name !== "string" || !Array.isArray(actions ?? [])) return undefined;
    if (!types.has(type)) continue;
    scopes.push({
      type: type as Scope["type"],
      name,
      actions: ((actions ?? []) as unknown[]).filter(isAction),
    });
  }
  return scopes;
}
