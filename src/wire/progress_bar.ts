/** The bar and numbers of one transfer, as Docker draws them (moby, pkg/jsonmessage, JSONProgress.String). */
import { humanSize } from "./human_size.ts";

/** Docker's bar is 50 wide on terminals of more than 110 columns. */
const fullBar = 50;

/**
 * `[=====>    ]  3.1MB/7.2MB`, `3.1MB` when the total is unknown, "" when nothing is known.
 *
 * @param columns of the terminal; 200 for the text in JSON streams. Docker drops the bar at 110 columns and fewer;
 * varve makes it shorter instead.
 */
export function progressBar(current: number, total: number, columns: number): string {
  if (current <= 0 && total <= 0) return "";
  const done = humanSize(current, 4).padStart(8);
  if (total <= 0) return done;
  const width = columns > 110 ? fullBar : Math.min(fullBar, columns - 50);
  // Half of the whole percent, as Docker computes it; both steps round down.
  const half = Math.min(50, Math.trunc(Math.trunc((current / total) * 100) / 2));
  const filled = width === fullBar ? half : Math.trunc((half / 50) * width);
  const bar = width < 10 ? "" : `[${"=".repeat(filled)}>${" ".repeat(width - filled)}] `;
  return `${bar}${current > total ? done : `${done}/${humanSize(total, 4)}`}`;
}
