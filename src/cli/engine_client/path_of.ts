/** A path whose parts are names or IDs: pathOf`/containers/${name}/json`. */
export function pathOf(strings: TemplateStringsArray, ...parts: readonly string[]): string {
  return strings.reduce((path, next, index) => path + encodeURIComponent(parts[index - 1] as string) + next);
}
