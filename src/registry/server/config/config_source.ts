/** A configuration as text, with the places of its values, and what the environment puts in front of it. */
import { Failure } from "../../../errors.ts";
import type { KeyPath } from "./field.ts";

export interface ConfigSource {
  readonly value: unknown;
  /** Where a value stands: `registry.yml:12`, or the name of a variable. A missing one stands where its parent does. */
  where(path: KeyPath): string;
}

/**
 * Reads YAML. (The parser is loaded only here, by those who have a configuration.)
 * @param name of the file, for messages
 * @throws Failure "invalid" with file, line and column for what is no YAML, or YAML twice the same key
 */
export async function parseYaml(name: string, text: string): Promise<ConfigSource> {
  const { LineCounter, isMap, isNode, isScalar, parseDocument } = await import("yaml");
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false });
  const [error] = document.errors;
  if (error !== undefined) {
    const { line, col } = lines.linePos(error.pos[0]);
    throw new Failure("invalid", `${name}:${line}:${col}: ${error.message}`);
  }
  const nameOf = (key: unknown): unknown => (isScalar(key) ? String(key.value) : undefined);
  const lineOf = (path: KeyPath): number => {
    for (let length = path.length; length > 0; length--) {
      const parent = document.getIn(path.slice(0, length - 1), true);
      // A map's value may begin lines below its key.
      const pair = isMap(parent)
        ? parent.items.find(({ key }) => nameOf(key) === path[length - 1])
        : undefined;
      const node = pair?.key ?? document.getIn(path.slice(0, length), true);
      if (isNode(node) && node.range) return lines.linePos(node.range[0]).line;
    }
    return 1;
  };
  // Aliases are bounded: a "billion laughs" is refused by the parser.
  return {
    value: toPlain(name, () => document.toJS({ maxAliasCount: 100 })),
    where: (path) => `${name}:${lineOf(path)}`,
  };
}

function toPlain(name: string, convert: () => unknown): unknown {
  try {
    return convert();
  } catch (cause) {
    throw new Failure("invalid", `${name}: ${(cause as Error).message}`, { cause });
  }
}

/** The value of a variable, which is YAML, too. */
export async function parseVariable(name: string, text: string): Promise<unknown> {
  return (await parseYaml(`$${name}`, text)).value;
}
