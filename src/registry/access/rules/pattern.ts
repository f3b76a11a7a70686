/**
 * Patterns of names:
 *
 *     repositories   `*` any characters within one component, `**` any components (of `team/**` at least one),
 *                    `${user}` the user's name, where that is a component as it is
 *     users, groups  `*` any characters
 */
import { isPathComponent } from "./path_component.ts";

/** Whether `repository` fits `pattern`. `${user}` fits nothing for somebody anonymous or with an unusual name. */
export function matchesRepository(pattern: string, repository: string, user: string | undefined): boolean {
  if (pattern.includes("${user}") && (user === undefined || !isPathComponent(user))) return false;
  const parts = pattern.replaceAll("${user}", user ?? "").split("/");
  return fits(parts, repository.split("/"));
}

/** Whether `name` fits a pattern in which `*` stands for any characters. */
export function matchesName(pattern: string, name: string): boolean {
  const [first = "", ...rest] = pattern.split("*");
  if (rest.length === 0) return pattern === name;
  const last = rest.pop()!;
  if (!name.startsWith(first) || !name.endsWith(last) || name.length < first.length + last.length)
    return false;
  // The earliest place for each part leaves the most for those after it, so there is no going back.
  let at = first.length;
  for (const part of rest) {
    const found = name.indexOf(part, at);
    if (found < 0) return false;
    at = found + part.length;
  }
  return at <= name.length - last.length;
}

function fits(pattern: readonly string[], components: readonly string[]): boolean {
  // reachable[n]: the parts so far fit the first n components.
  let reachable = components.map(() => false);
  reachable.unshift(true);
  for (const part of pattern) {
    let open = false;
    reachable = reachable.map((_, count) => {
      const before = count > 0 && reachable[count - 1]!;
      if (part !== "**") return before && matchesName(part, components[count - 1]!);
      open ||= before;
      return open;
    });
  }
  return reachable[components.length]!;
}
