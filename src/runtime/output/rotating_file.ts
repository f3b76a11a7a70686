/** The file behind a log: written at its end, exchanged for a new one when it is full. */
import { closeSync, fstatSync, ftruncateSync, openSync, renameSync, rmSync, writeSync } from "node:fs";
import { LogCompressor } from "./log_compressor.ts";
import type { Rotation } from "./log_options.ts";
import { shiftRotated } from "./rotated_files.ts";

export const unbounded: Rotation = { maxSize: undefined, maxFiles: 1, compress: false };

/** A log that cannot be written any more takes nothing, and says nothing. See {@link LogWriter} for the methods. */
export class RotatingFile implements Disposable {
  readonly #path: string;
  readonly #rotation: Rotation;
  readonly #compressor: LogCompressor | undefined;
  #fd: number;
  #size: number;
  #failed = false;

  /** Opens (or makes) it to write on. @throws the error of node:fs */
  constructor(path: string, rotation: Rotation = unbounded) {
    this.#path = path;
    this.#rotation = rotation;
    this.#fd = openSync(path, "a", 0o640);
    this.#size = fstatSync(this.#fd).size;
    if (rotation.compress) {
      this.#compressor = new LogCompressor(path);
      this.#compressor.wake();
    }
  }

  /** Rotates a full file first. */
  position(): number {
    const { maxSize } = this.#rotation;
    if (maxSize !== undefined && this.#size >= maxSize && !this.#failed) this.#rotate();
    return this.#size;
  }

  append(bytes: Uint8Array): void {
    if (this.#failed || bytes.length === 0) return;
    try {
      for (let done = 0; done < bytes.length;) done += writeSync(this.#fd, bytes, done);
      this.#size += bytes.length;
    } catch {
      this.#failed = true;
      this.#cutBack();
    }
  }

  truncate(position: number): void {
    // Behind the end stand only bytes of a file that a crash of the machine has lost.
    if (position >= this.#size) return;
    ftruncateSync(this.#fd, position);
    this.#size = position;
  }

  [Symbol.dispose](): void {
    this.#compressor?.[Symbol.dispose]();
    closeSync(this.#fd);
  }

  /** A part of a batch that the disk had no place for. */
  #cutBack(): void {
    try {
      ftruncateSync(this.#fd, this.#size);
    } catch {
      // A device; or the disk is broken, and so is the log.
    }
  }

  #rotate(): void {
    try {
      this.#exchange();
      this.#size = 0;
    } catch {
      // It grows on, and the next batch tries again.
    }
    this.#compressor?.wake();
  }

  /** Always for another file: whoever follows reads the old one to its end. */
  #exchange(): void {
    if (this.#rotation.maxFiles > 1) this.#keepOld();
    else rmSync(this.#path, { force: true });
    const next = openSync(this.#path, "a", 0o640);
    closeSync(this.#fd);
    this.#fd = next;
  }

  #keepOld(): void {
    shiftRotated(this.#path, this.#rotation.maxFiles);
    try {
      renameSync(this.#path, `${this.#path}.1`);
    } catch (error) {
      // An earlier try got no further than this.
      if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
    }
  }
}
