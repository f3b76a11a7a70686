/** Lines that are repainted in place on a terminal: one for each id, in order of appearance, and a total. */
import type { Progress } from "../../bytes/index.ts";
import { progressBar } from "./progress_bar.ts";
import { isRepainted } from "./repainted.ts";
import { TransferTotal } from "./transfer_total.ts";
import { displayWidth, ellipsis } from "./units.ts";

/** What of a stream is used; `process.stderr` and `process.stdout` have it all. */
export interface PaintStream {
  write(text: string): unknown;
  readonly isTTY?: boolean;
  readonly columns?: number;
  readonly rows?: number;
  on?(event: "resize", listener: () => void): unknown;
  off?(event: "resize", listener: () => void): unknown;
}

export interface PaintOptions {
  /** Milliseconds, monotonic. */
  readonly now?: () => number;
  /** Calls back after a number of milliseconds; returns what undoes it. */
  readonly after?: (milliseconds: number, callback: () => void) => () => void;
}

/** Least time between two paints in milliseconds: 15 a second. */
const paintInterval = 67;
const defaultColumns = 80;
const defaultRows = 24;
/** Words with which a line ends (Docker's). */
const finalStatus =
  /^(Pull complete|Already exists|Download complete|Pushed|Layer already exists|Mounted from |Loaded|Done)/;

interface Line {
  readonly id: string;
  progress: Progress;
}

export class TerminalPainter {
  readonly #stream: PaintStream;
  readonly #now: () => number;
  readonly #after: NonNullable<PaintOptions["after"]>;
  readonly #lines = new Map<string, Line>();
  /** Columns taken by each line on the screen, top first: a narrower window wraps them into more rows. */
  #painted: number[] = [];
  #frameText = "";
  #lastPaint = -Infinity;
  #cancelPaint: (() => void) | undefined;
  readonly #onResize = (): void => this.#paintSoon();
  readonly #total: TransferTotal;

  constructor(stream: PaintStream, options: PaintOptions) {
    this.#stream = stream;
    this.#now = options.now ?? (() => performance.now());
    this.#after = options.after ?? afterTimer;
    this.#total = new TransferTotal(this.#now);
  }

  report(progress: Progress): void {
    if (!isRepainted(progress)) {
      this.line(progress.id === undefined ? progress.status : `${progress.id}: ${progress.status}`);
      return;
    }
    if (this.#lines.size === 0) this.#stream.on?.("resize", this.#onResize);
    const id = progress.id as string;
    const line = this.#lines.get(id);
    if (line === undefined) this.#lines.set(id, { id, progress });
    else line.progress = progress;
    this.#total.note(progress);
    this.#paintSoon();
  }

  /** A line for good. What was painted above it is final from here on. */
  line(text: string): void {
    this.finish();
    this.#stream.write(`${text}\n`);
  }

  finish(): void {
    this.#cancelPaint?.();
    this.#cancelPaint = undefined;
    this.#stream.off?.("resize", this.#onResize);
    if (this.#lines.size === 0) return;
    this.#write([...this.#lines.values()].map((line) => this.#text(line)));
    this.#lines.clear();
    this.#painted = [];
    this.#frameText = "";
    this.#lastPaint = -Infinity;
    this.#total.reset();
  }

  #paintSoon(): void {
    if (this.#cancelPaint !== undefined) return;
    const wait = this.#lastPaint + paintInterval - this.#now();
    if (wait <= 0) return this.#paint();
    this.#cancelPaint = this.#after(wait, () => {
      this.#cancelPaint = undefined;
      this.#paint();
    });
  }

  #paint(): void {
    this.#lastPaint = this.#now();
    this.#write(this.#frame());
  }

  /**
   * What fits on the screen, for the cursor cannot go above its top: with more layers than rows, those in work first,
   * then the others, and a word about the rest.
   */
  #frame(): string[] {
    const all = [...this.#lines.values()];
    const total = this.#total.text();
    const room = (this.#stream.rows || defaultRows) - 1 - (total === "" ? 0 : 1);
    if (all.length <= room) return [...all.map((line) => this.#text(line)), ...(total === "" ? [] : [total])];
    const done = all.filter(isDone);
    const active = all.filter((line) => !isDone(line) && line.progress.current !== undefined);
    const waiting = all.filter((line) => !isDone(line) && line.progress.current === undefined);
    const shown = new Set([...active, ...waiting, ...done].slice(0, Math.max(1, room - 1)));
    const rest = `${done.length} of ${all.length} done, ${all.length - shown.size} not shown`;
    const lines = all.filter((line) => shown.has(line)).map((line) => this.#text(line));
    return [...lines, rest, ...(total === "" ? [] : [total])];
  }

  get #columns(): number {
    return this.#stream.columns || defaultColumns;
  }

  #text({ id, progress: { status, current, total } }: Line): string {
    const bar = current === undefined ? "" : progressBar(current, total ?? 0, this.#columns);
    return `${id}: ${status}${bar === "" ? " " : ` ${bar}`}`.trimEnd();
  }

  /** Replaces what is painted by these lines, in one write; writes nothing when nothing has changed. */
  #write(lines: readonly string[]): void {
    const columns = this.#columns;
    const fitted = lines.map((line) => ellipsis(line, columns - 1));
    const frame = `${columns}\n${fitted.join("\n")}`;
    if (frame === this.#frameText) return;
    this.#frameText = frame;
    const up = this.#painted.reduce((rows, width) => rows + Math.max(1, Math.ceil(width / columns)), 0);
    const home = up === 0 ? "" : `\x1b[${up}A\r`;
    // Each line is cleared behind its text, not before: nothing flickers.
    this.#stream.write(`${home}${fitted.map((line) => `${line}\x1b[K\n`).join("")}\x1b[J`);
    this.#painted = fitted.map(displayWidth);
  }
}

function isDone({ progress }: Line): boolean {
  return finalStatus.test(progress.status);
}

function afterTimer(milliseconds: number, callback: () => void): () => void {
  const timer = setTimeout(callback, milliseconds);
  return () => clearTimeout(timer);
}
