/**
 * Scopes as text and in challenges (distribution's docs/spec/auth/scope.md):
 *
 *     scope = type [ "(" class ")" ] ":" name ":" action *( "," action )
 */
import type { Action, Scope } from "./types.ts";

const actions: ReadonlySet<string> = new Set<Action>(["pull", "push", "delete", "*"]);

/** Reads a scope; actions that we do not know are left out. Undefined for what is none, or of a type that we have not. */
export function parseScope(text: string): Scope | undefined {
  const match = /^(repository|registry)(?:\([^()]*\))?:(.+):([^:]*)$/.exec(text);
  if (match === null) return undefined;
  const [, type, name = "", list = ""] = match;
  return { type: type as Scope["type"], name, actions: list.split(",").filter(isAction) };
}

export function isAction(text: unknown): text is Action {
  return typeof text === "string" && actions.has(text);
}

export function formatScope({ type, name, actions }: Scope): string {
  return `${type}:${name}:${actions.join(",")}`;
}

/** One scope for each thing, with all actions named for it, in the order in which they came. */
export function mergeScopes(scopes: readonly Scope[]): Scope[] {
  const merged = new Map<string, Scope>();
  for (const { type, name, actions } of scopes) {
    const before = merged.get(`${type}:${name}`)?.actions ?? [];
    merged.set(`${type}:${name}`, { type, name, actions: [...new Set([...before, ...actions])] });
  }
  return [...merged.values()];
}

/** Whether all that is needed was given. `*` stands for every action. */
export function coversScopes(given: readonly Scope[], needed: readonly Scope[]): boolean {
  return needed.every(({ type, name, actions }) => {
    const here = given.filter((each) => each.type === type && each.name === name);
    return actions.every((action) =>
      here.some((each) => each.actions.some((a) => a === "*" || a === action)),
    );
  });
}
