/**
 * The log that Kubernetes reads: a time, a stream, whether the line is full, the line (kubernetes, "CRI Log Format"). Whoever
 * reads it also moves it away when it is long enough; what is printed from then on stands in a new file.
 */
import { statSync } from "node:fs";
import { fixedNanoTime } from "../../oci/index.ts";
import { RotatingFile } from "./rotating_file.ts";
import type { LogLine, LogWriter } from "./types.ts";

const lineFeed = 10;

export class CriLog implements LogWriter {
  readonly #path: string;
  #file: RotatingFile;
  /** Of the file that is written. */
  #inode: number | undefined;

  /** Opens (or makes) the log to write on. */
  constructor(path: string) {
    this.#path = path;
    this.#file = new RotatingFile(path);
    this.#inode = inodeOf(path);
  }

  /** Goes on in a new file where somebody has moved the old one. */
  position(): number {
    const inode = inodeOf(this.#path);
    if (inode === undefined || inode !== this.#inode) this.#reopen();
    return this.#file.position();
  }

  append(lines: readonly LogLine[]): void {
    this.#file.append(Buffer.concat(lines.flatMap(formatLine)));
  }

  truncate(position: number): void {
    this.#file.truncate(position);
  }

  [Symbol.dispose](): void {
    this.#file[Symbol.dispose]();
  }

  #reopen(): void {
    // Opening a FIFO would wait for whoever reads it.
    if (statSync(this.#path, { throwIfNoEntry: false })?.isFile() === false) return;
    let next: RotatingFile;
    try {
      next = new RotatingFile(this.#path);
    } catch {
      // Its directory has gone, too. The old file is better than none.
      return;
    }
    this.#file[Symbol.dispose]();
    this.#file = next;
    this.#inode = inodeOf(this.#path);
  }
}

function inodeOf(path: string): number | undefined {
  return statSync(path, { throwIfNoEntry: false })?.ino;
}

/** A line that goes on in the next record is partial. */
function formatLine({ stream, time, bytes }: LogLine): Uint8Array[] {
  const isFull = bytes.at(-1) === lineFeed;
  const head = Buffer.from(`${fixedNanoTime(time)} ${stream} ${isFull ? "F" : "P"} `);
  return isFull ? [head, bytes] : [head, bytes, Buffer.of(lineFeed)];
}
