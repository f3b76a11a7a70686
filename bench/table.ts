/** Text in columns. */

/** The first column to the left, the others to the right; the first line is the heading. */
export function columns(lines: readonly (readonly string[])[]): string {
  const widths = (lines[0] ?? []).map((_, i) => Math.max(...lines.map((line) => line[i]?.length ?? 0)));
  const pad = (cell: string, i: number): string =>
    i === 0 ? cell.padEnd(widths[i] as number) : cell.padStart(widths[i] as number);
  return lines.map((line) => `  ${line.map(pad).join("  ")}`).join("\n");
}

/** `1.25x`; `-` where there is nothing to compare with. */
export function ratio(value: number, of: number | undefined): string {
  return of === undefined || Number.isNaN(of) ? "-" : `${(value / of).toFixed(2)}x`;
}
