/** A terminal and a clock for tests of what is painted. */
import assert from "node:assert/strict";
import type { PaintStream } from "../../src/cli/kit/index.ts";

/** A terminal of the size asked for that shows what was written to it: just the escapes that the painter uses. */
export class Screen implements PaintStream {
  readonly isTTY = true;
  columns: number;
  rows: number;
  writes = 0;
  /** All that was written. */
  raw = "";
  /** Scrollback and screen; the cursor is in `lines[#row]`. */
  readonly lines: string[] = [""];
  #row = 0;
  #column = 0;
  readonly #listeners = new Set<() => void>();

  constructor(columns = 80, rows = 24) {
    this.columns = columns;
    this.rows = rows;
  }

  write(text: string): void {
    this.writes++;
    this.raw += text;
    for (const [, up, escape, character] of text.matchAll(
      /\x1b\[(\d+)A|\x1b\[([KJ])|(?:\x1b\[\d+m)+|([\s\S])/g,
    )) {
      if (up !== undefined) {
        this.#row -= Number(up);
        assert.ok(this.#row >= Math.max(0, this.lines.length - this.rows), "the cursor left the screen");
      } else if (escape === "K") this.lines[this.#row] = this.#line.slice(0, this.#column);
      else if (escape === "J") this.lines.splice(this.#row, Infinity, this.#line.slice(0, this.#column));
      else if (character !== undefined) this.#put(character);
    }
  }

  on(_: "resize", listener: () => void): void {
    this.#listeners.add(listener);
  }

  off(_: "resize", listener: () => void): void {
    this.#listeners.delete(listener);
  }

  get listening(): number {
    return this.#listeners.size;
  }

  /** Narrows or widens the window; lines that are longer wrap as terminals wrap them. */
  resize(columns: number): void {
    this.columns = columns;
    const wrapped = this.lines.flatMap((line) => line.match(new RegExp(`.{1,${columns}}`, "g")) ?? [""]);
    this.lines.splice(0, this.lines.length, ...wrapped);
    this.#row = this.lines.length - 1;
    for (const listener of this.#listeners) listener();
  }

  get shown(): string[] {
    return this.lines.at(-1) === "" ? this.lines.slice(0, -1) : this.lines;
  }

  get #line(): string {
    return this.lines[this.#row] as string;
  }

  #put(character: string): void {
    if (character === "\r") this.#column = 0;
    else if (character === "\n") {
      this.#row++;
      this.#column = 0;
      if (this.#row === this.lines.length) this.lines.push("");
    } else {
      assert.ok(this.#column < this.columns, `a line of more than ${this.columns} columns`);
      const line = this.#line.padEnd(this.#column);
      this.lines[this.#row] = line.slice(0, this.#column) + character + line.slice(this.#column + 1);
      this.#column++;
    }
  }
}

/** A clock that only moves when told, with its timers. */
export class Clock {
  time = 0;
  #timers: { readonly at: number; readonly callback: () => void }[] = [];

  readonly now = (): number => this.time;
  readonly after = (milliseconds: number, callback: () => void): (() => void) => {
    const timer = { at: this.time + milliseconds, callback };
    this.#timers.push(timer);
    return () => (this.#timers = this.#timers.filter((one) => one !== timer));
  };

  get pending(): number {
    return this.#timers.length;
  }

  advance(milliseconds: number): void {
    this.time += milliseconds;
    const due = this.#timers.filter(({ at }) => at <= this.time);
    this.#timers = this.#timers.filter(({ at }) => at > this.time);
    for (const { callback } of due) callback();
  }
}
