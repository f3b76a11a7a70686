/** Lines at the end of a terminal that are repainted in place, below lines that are there for good. */
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
  /** Milliseconds after which the frame is another one, though nobody has told of a change: it shows times. */
  readonly tick?: number;
  /** Default: true. Without it all lines look alike. */
  readonly colors?: boolean;
}

/** How a whole line looks: parameters of SGR (ECMA-48, 8.3.117). */
const styles = { dim: 2, red: 31, cyan: 36 } as const;

export interface StyledLine {
  readonly text: string;
  readonly style?: keyof typeof styles;
}
/** Without control characters; cut to the width of the window. */
export type PaintLine = string | StyledLine;

/** Least time between two paints in milliseconds: 15 a second. */
const paintInterval = 67;
const defaultColumns = 80;
const defaultRows = 24;

/** Calls for its frame when something has changed, at most 15 times a second. A frame must fit: see {@link room}. */
export class FramePainter {
  readonly #stream: PaintStream;
  readonly #frame: () => readonly PaintLine[];
  readonly #now: () => number;
  readonly #after: NonNullable<PaintOptions["after"]>;
  readonly #tick: number | undefined;
  readonly #colors: boolean;
  /** Columns taken by each line on the screen, top first: a narrower window wraps them into more rows. */
  #painted: number[] = [];
  #settled: PaintLine[] = [];
  #frameText = "";
  #lastPaint = -Infinity;
  #cancelPaint: (() => void) | undefined;
  #cancelTick: (() => void) | undefined;
  #isListening = false;
  readonly #onResize = (): void => this.change();

  constructor(stream: PaintStream, frame: () => readonly PaintLine[], options: PaintOptions) {
    this.#stream = stream;
    this.#frame = frame;
    this.#now = options.now ?? (() => performance.now());
    this.#after = options.after ?? afterTimer;
    this.#tick = options.tick;
    this.#colors = options.colors ?? true;
  }

  get columns(): number {
    return this.#stream.columns || defaultColumns;
  }

  /** Lines that a frame may have, for the cursor cannot go above the top of the screen. */
  get room(): number {
    return Math.max(1, (this.#stream.rows || defaultRows) - 1);
  }

  /** The frame is another one now. */
  change(): void {
    if (!this.#isListening) this.#stream.on?.("resize", this.#onResize);
    this.#isListening = true;
    if (this.#cancelPaint !== undefined) return;
    const wait = this.#lastPaint + paintInterval - this.#now();
    if (wait <= 0) return this.#paint();
    this.#cancelPaint = this.#after(wait, () => {
      this.#cancelPaint = undefined;
      this.#paint();
    });
  }

  /** Lines for good, above the frame, from the next paint on. */
  settle(...lines: readonly PaintLine[]): void {
    this.#settled.push(...lines);
    this.change();
  }

  /** Leaves these lines, or nothing, where the frame was, and the cursor below. It may begin anew afterwards. */
  finish(last: readonly PaintLine[] = []): void {
    this.#cancelPaint?.();
    this.#cancelPaint = undefined;
    this.#cancelTick?.();
    if (this.#isListening) this.#stream.off?.("resize", this.#onResize);
    this.#isListening = false;
    if (this.#painted.length + this.#settled.length + last.length > 0) this.#write(last);
    this.#painted = [];
    this.#frameText = "";
    this.#lastPaint = -Infinity;
  }

  #paint(): void {
    this.#cancelTick?.();
    this.#lastPaint = this.#now();
    this.#write(this.#frame());
    if (this.#tick !== undefined) this.#cancelTick = this.#after(this.#tick, () => this.change());
  }

  /** Replaces what is painted by these lines, in one write; writes nothing when nothing has changed. */
  #write(lines: readonly PaintLine[]): void {
    const { columns } = this;
    const fitted = lines.map((line) => fit(line, columns - 1));
    const text = fitted.map((line) => this.#painting(line)).join("");
    const frame = `${columns}\n${text}`;
    if (frame === this.#frameText && this.#settled.length === 0) return;
    this.#frameText = frame;
    const settled = this.#settled.map((line) => this.#painting(fit(line, columns - 1))).join("");
    this.#settled = [];
    const wrapped = this.#painted.reduce((rows, width) => rows + Math.max(1, Math.ceil(width / columns)), 0);
    const up = Math.min(wrapped, this.room);
    const home = up === 0 ? "" : `\x1b[${up}A\r`;
    this.#stream.write(`${home}${settled}${text}\x1b[J`);
    this.#painted = fitted.map((line) => displayWidth(line.text));
  }

  /** Each line is cleared behind its text, not before: nothing flickers. */
  #painting({ text, style }: StyledLine): string {
    const shown = style === undefined || !this.#colors ? text : `\x1b[${styles[style]}m${text}\x1b[0m`;
    return `${shown}\x1b[K\n`;
  }
}

function fit(line: PaintLine, width: number): StyledLine {
  if (typeof line === "string") return { text: ellipsis(line, width) };
  return { ...line, text: ellipsis(line.text, width) };
}

function afterTimer(milliseconds: number, callback: () => void): () => void {
  const timer = setTimeout(callback, milliseconds);
  return () => clearTimeout(timer);
}
