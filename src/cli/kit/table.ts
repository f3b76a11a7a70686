/** Docker's tables: Go's tabwriter with cells at least 10 wide and 3 spaces apart (docker/cli, formatter.go). */
import { displayWidth } from "./units.ts";

const usualMinimum = 10;
const padding = 3;

/**
 * Aligns lines whose cells end in tabs, as Go's text/tabwriter does: a column is a run of consecutive lines that have
 * a cell there; the last cell of a line belongs to no column, so no line ends in padding.
 * @param minimum columns of a cell, with the blanks behind it
 */
export function alignTabs(text: string, minimum = usualMinimum): string {
  const lines = text.split("\n").map((line) => line.split("\t"));
  const widths = lines.map((): number[] => []);
  setWidths(lines, widths, { from: 0, to: lines.length }, 0, minimum);
  return lines
    .map((cells, y) =>
      cells
        .map((cell, x) => {
          const width = widths[y]?.[x];
          return width === undefined ? cell : cell + " ".repeat(width - displayWidth(cell));
        })
        .join(""),
    )
    .join("\n");
}

/** Fills in the widths of column `x` for the lines of each run within [from, to), then of the columns right of it. */
function setWidths(
  lines: readonly string[][],
  widths: number[][],
  { from, to }: { readonly from: number; readonly to: number },
  x: number,
  minimum: number,
): void {
  const hasCell = (y: number): boolean => x < (lines[y] as string[]).length - 1;
  for (let y = from; y < to;) {
    if (!hasCell(y)) {
      y++;
      continue;
    }
    const start = y;
    let width = minimum;
    for (; y < to && hasCell(y); y++) {
      width = Math.max(width, displayWidth((lines[y] as string[])[x] as string) + padding);
    }
    for (let line = start; line < y; line++) (widths[line] as number[])[x] = width;
    setWidths(lines, widths, { from: start, to: y }, x + 1, minimum);
  }
}
