/** The table of what each line costs. */
import type { BuilderTools, LineCost } from "../../engine/index.ts";
import { ellipsis, humanSize } from "../kit/index.ts";

const heads = ["LINE", "INSTRUCTION", "LAYER", "ADDED", "COPIED", "HIDDEN", "CACHE"] as const;
const usualWidth = 100;

/**
 * Rows with their heading; [] if there is nothing to tell. COPIED is content that lies below already and was copied for
 * other attributes; HIDDEN lies below and can no longer be seen.
 * @param columns width of the terminal
 */
export function costLines(
  { costTable }: Pick<BuilderTools, "costTable">,
  costs: readonly LineCost[],
  columns = usualWidth,
): string[] {
  const rows = costTable(costs, { width: Math.max(20, Math.min(60, columns - 62)) });
  if (rows.length === 0) return [];
  const cells = rows.map(({ line, text, layer, added, copied, hidden, cache }) => [
    String(line),
    text,
    layer,
    ...[added, copied, hidden].map((bytes) => (bytes === 0 ? "" : humanSize(bytes))),
    cache,
  ]);
  const widths = heads.map((head, at) =>
    Math.max(head.length, ...cells.map((row) => (row[at] ?? "").length)),
  );
  return [heads, ...cells].map((row) => {
    const padded = row.map((cell, at) =>
      at >= 3 && at <= 5 ? cell.padStart(widths[at] ?? 0) : cell.padEnd(widths[at] ?? 0),
    );
    return ellipsis(padded.join("  ").trimEnd(), columns);
  });
}
