/** A base image that is most of what everybody has to fetch. */
import { type Dockerfile, type Draft, instructionAt, type LintFix } from "../../dockerfile/index.ts";
import type { LineCost } from "../costs/index.ts";

/** Official images that have the same without compilers, manuals and the like, as `<tag>-slim`. */
const slim =
  /^(?:docker\.io\/)?(?:library\/)?(?:node|python|debian|ruby|perl|rust|haskell):(?!.*(?:slim|alpine))[\w.-]+$/;

/** @param limit bytes from which it is worth a word */
export function largeBase(dockerfile: Dockerfile, costs: readonly LineCost[], limit: number): Draft[] {
  const [from] = costs;
  if (from === undefined || from.added.bytes < limit) return [];
  const instruction = instructionAt(dockerfile, from.line);
  if (instruction?.kind !== "from") return [];
  const { image, span } = instruction;
  const all = costs.reduce((sum, { added, copied }) => sum + added.bytes + copied.bytes, 0);
  const share = Math.floor((100 * from.added.bytes) / all);
  const message = `Base image ${image} is ${share} % of the image`;
  const fix = slim.test(image) ? slimmer(dockerfile, span.start.line, image) : undefined;
  return [{ rule: "LargeBase", message, span, bytesLost: from.added.bytes, fix }];
}

function slimmer({ lines }: Dockerfile, line: number, image: string): LintFix | undefined {
  const text = lines[line - 1] ?? "";
  if (!text.includes(image)) return undefined;
  const position = { line, column: 1 };
  const span = { start: position, end: { line, column: text.length + 1 } };
  return { lines: [text.replace(image, () => `${image}-slim`)], span };
}
