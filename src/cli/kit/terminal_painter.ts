/** Progress on a terminal: a line for each id, in order of appearance, and a total. */
import type { Progress } from "../../bytes/index.ts";
import { FramePainter, type PaintOptions, type PaintStream } from "./frame_painter.ts";
import { isRepainted, progressBar } from "../../wire/index.ts";
import { isFinal } from "./is_final.ts";
import { TransferTotal } from "./transfer_total.ts";

interface Line {
  readonly id: string;
  progress: Progress;
}

export class TerminalPainter {
  readonly #stream: PaintStream;
  readonly #lines = new Map<string, Line>();
  readonly #total: TransferTotal;
  readonly #painter: FramePainter;

  constructor(stream: PaintStream, options: PaintOptions) {
    this.#stream = stream;
    this.#total = new TransferTotal(options.now ?? (() => performance.now()));
    this.#painter = new FramePainter(stream, () => this.#frame(), options);
  }

  report(progress: Progress): void {
    if (!isRepainted(progress)) {
      this.line(progress.id === undefined ? progress.status : `${progress.id}: ${progress.status}`);
      return;
    }
    const id = progress.id as string;
    const line = this.#lines.get(id);
    if (line === undefined) this.#lines.set(id, { id, progress });
    else line.progress = progress;
    this.#total.note(progress);
    this.#painter.change();
  }

  /** A line for good. What was painted above it is final from here on. */
  line(text: string): void {
    this.finish();
    this.#stream.write(`${text}\n`);
  }

  finish(): void {
    this.#painter.finish([...this.#lines.values()].map((line) => this.#text(line)));
    this.#lines.clear();
    this.#total.reset();
  }

  /** What fits: with more layers than rows, those in work first, then the others, and a word about the rest. */
  #frame(): string[] {
    const all = [...this.#lines.values()];
    const total = this.#total.text();
    const room = this.#painter.room - (total === "" ? 0 : 1);
    if (all.length <= room) return [...all.map((line) => this.#text(line)), ...(total === "" ? [] : [total])];
    const done = all.filter(({ progress }) => isFinal(progress));
    const open = all.filter(({ progress }) => !isFinal(progress));
    const active = open.filter(({ progress }) => progress.current !== undefined);
    const waiting = open.filter(({ progress }) => progress.current === undefined);
    const shown = new Set([...active, ...waiting, ...done].slice(0, Math.max(1, room - 1)));
    const rest = `${done.length} of ${all.length} done, ${all.length - shown.size} not shown`;
    const lines = all.filter((line) => shown.has(line)).map((line) => this.#text(line));
    return [...lines, rest, ...(total === "" ? [] : [total])];
  }

  #text({ id, progress: { status, current, total } }: Line): string {
    const bar = current === undefined ? "" : progressBar(current, total ?? 0, this.#painter.columns);
    return `${id}: ${status}${bar === "" ? " " : ` ${bar}`}`.trimEnd();
  }
}
