/**
 * How far the output of a container has got into its log, in a file beside its FIFOs: so that whoever goes on after a kill
 * writes each line once. It tells of three moments of a batch: about to be logged, logged but still in the FIFO, done.
 *
 * Every write of the head lies within one page, which the kernel copies whole whatever becomes of the writer. A line that
 * has no end yet is written to the half that the head does not name.
 */
import { closeSync, fstatSync, openSync, readSync, writeSync } from "node:fs";
import { crc32 } from "node:zlib";
import { maxLine } from "./line_splitter.ts";
import type { OutputStream } from "./types.ts";

export const outputStreams: readonly OutputStream[] = ["stdout", "stderr"];

const pageSize = 4096;
const phases = ["done", "logging", "logged"] as const;

interface Batch {
  readonly stream: OutputStream;
  /** Bytes in the FIFO. */
  readonly length: number;
  readonly checksum: number;
  /** Of the log, before it. */
  readonly position: number;
}

/** What a kill left. `logging`: the log may have a part of the batch; `logged`: the FIFO may have it still. */
export interface Interrupted extends Batch {
  readonly phase: "logging" | "logged";
}

interface Pending {
  half: 0 | 1;
  length: number;
}

export class OutputJournal implements Disposable {
  readonly #fd: number;
  #phase: (typeof phases)[number] = "done";
  #batch: Batch = { stream: "stdout", length: 0, checksum: 0, position: 0 };
  readonly #pending: Record<OutputStream, Pending> = {
    stdout: { half: 0, length: 0 },
    stderr: { half: 0, length: 0 },
  };

  /** Opens or makes it. @throws the error of node:fs */
  constructor(path: string) {
    this.#fd = openSync(path, "a+", 0o600);
    closeSync(this.#fd);
    this.#fd = openSync(path, "r+");
    // All of it is taken now: a disk that is full later then holds no output up.
    if (fstatSync(this.#fd).size < fileSize) writeSync(this.#fd, Buffer.alloc(fileSize), 0, fileSize, 0);
    else this.#read();
  }

  get interrupted(): Interrupted | undefined {
    return this.#phase === "done" ? undefined : { ...this.#batch, phase: this.#phase };
  }

  /** The line without an end that stood when the last batch was logged. */
  pending(stream: OutputStream): Uint8Array {
    const { half, length } = this.#pending[stream];
    const bytes = Buffer.alloc(length);
    readSync(this.#fd, bytes, 0, length, offsetOf(stream, half));
    return bytes;
  }

  logging(stream: OutputStream, bytes: Uint8Array, position: number): void {
    this.#batch = { stream, length: bytes.length, checksum: crc32(bytes), position };
    this.#enter("logging");
  }

  /** @param pending the line without an end that stands now */
  logged(pending: Uint8Array): void {
    const { stream } = this.#batch;
    const state = this.#pending[stream];
    if (pending.length > 0) {
      state.half = state.half === 0 ? 1 : 0;
      writeSync(this.#fd, pending, 0, pending.length, offsetOf(stream, state.half));
    }
    state.length = pending.length;
    this.#enter("logged");
  }

  done(): void {
    this.#enter("done");
  }

  [Symbol.dispose](): void {
    closeSync(this.#fd);
  }

  #enter(phase: (typeof phases)[number]): void {
    this.#phase = phase;
    const head = Buffer.alloc(headSize);
    head.writeUInt32LE(phases.indexOf(phase), 0);
    head.writeUInt32LE(outputStreams.indexOf(this.#batch.stream), 4);
    head.writeUInt32LE(this.#batch.length, 8);
    head.writeUInt32LE(this.#batch.checksum, 12);
    head.writeDoubleLE(this.#batch.position, 16);
    for (const [index, stream] of outputStreams.entries()) {
      head.writeUInt32LE(this.#pending[stream].half, 24 + index * 8);
      head.writeUInt32LE(this.#pending[stream].length, 28 + index * 8);
    }
    writeSync(this.#fd, head, 0, headSize, 0);
  }

  #read(): void {
    const head = Buffer.alloc(headSize);
    readSync(this.#fd, head, 0, headSize, 0);
    this.#phase = phases[head.readUInt32LE(0)] ?? "done";
    this.#batch = {
      stream: outputStreams[head.readUInt32LE(4)] ?? "stdout",
      length: head.readUInt32LE(8),
      checksum: head.readUInt32LE(12),
      position: head.readDoubleLE(16),
    };
    for (const [index, stream] of outputStreams.entries()) {
      const half = head.readUInt32LE(24 + index * 8) === 1 ? 1 : 0;
      this.#pending[stream] = { half, length: Math.min(head.readUInt32LE(28 + index * 8), maxLine) };
    }
  }
}

const headSize = 40;
const fileSize = pageSize + outputStreams.length * 2 * maxLine;

function offsetOf(stream: OutputStream, half: 0 | 1): number {
  return pageSize + (outputStreams.indexOf(stream) * 2 + half) * maxLine;
}
