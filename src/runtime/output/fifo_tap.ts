/**
 * Reading a FIFO without a moment in which its bytes are nowhere but in this process: they are looked at (`tee(2)`),
 * handed on, and only then taken out. Whoever is killed in between finds them again.
 */
import { setImmediate } from "node:timers/promises";
import { fromText } from "../../byte_string.ts";
import {
  AT_FDCWD,
  O_NONBLOCK,
  O_RDONLY,
  close,
  isSysError,
  makePipe,
  openAt,
  read,
  tee,
  whenReadable,
  type Pipe,
} from "../../sys/index.ts";

/** Batches after which others have their turn. */
const turn = 4;

/** A pipe holds this much unless told otherwise (pipe(7)). */
const pipeSize = 65_536;

export interface TapHandler {
  /**
   * Bytes at the head of the FIFO, to be copied by whoever keeps them; they are still in it. They leave it as soon as
   * this returns. A promise holds back the next ones.
   */
  take(bytes: Uint8Array): Promise<void> | undefined;
  /** They are out of it. */
  taken(): void;
}

/** One for all taps: it is filled and emptied without a wait in between. */
let scratch: Pipe | undefined;
const buffer = Buffer.alloc(pipeSize);

export class FifoTap implements Disposable {
  readonly #fd: number;
  readonly #stop = new AbortController();
  #open = true;

  /** @throws SysError */
  constructor(path: string) {
    this.#fd = openAt(AT_FDCWD, fromText(path), O_RDONLY | O_NONBLOCK);
  }

  /** What is at the head by now, up to `length` bytes, without taking it. */
  peek(length: number = pipeSize): Uint8Array {
    return this.#look(length) ?? new Uint8Array();
  }

  /** Takes `length` bytes that {@link peek} has shown. */
  discard(length: number): void {
    for (let left = length; left > 0;) left -= read(this.#fd, buffer, 0, left);
  }

  /** Hands on everything until the last writer has gone, or the tap is closed. @throws SysError */
  async run(handler: TapHandler): Promise<void> {
    for (let batches = 1; this.#open; batches++) {
      // A container that never pauses is not all that this process has to do.
      if (batches % turn === 0) await setImmediate();
      if (!this.#open) return;
      const bytes = this.#look(pipeSize);
      if (bytes === undefined) {
        await this.#wait();
        continue;
      }
      if (bytes.length === 0) return;
      await this.#pass(bytes, handler);
    }
  }

  /** Hands on what is there by now; for a FIFO whose writers may live on. */
  async drain(handler: TapHandler): Promise<void> {
    while (this.#open) {
      const bytes = this.#look(pipeSize);
      if (bytes === undefined || bytes.length === 0) return;
      await this.#pass(bytes, handler);
    }
  }

  [Symbol.dispose](): void {
    if (!this.#open) return;
    this.#open = false;
    this.#stop.abort();
    close(this.#fd);
  }

  async #pass(bytes: Uint8Array, handler: TapHandler): Promise<void> {
    const { length } = bytes;
    const done = handler.take(bytes);
    this.discard(length);
    handler.taken();
    if (done !== undefined) await done;
  }

  /** Undefined: nothing for now. Empty: nothing any more. */
  #look(length: number): Uint8Array | undefined {
    scratch ??= makePipe();
    const count = tee(this.#fd, scratch.writer, length);
    if (count === undefined || count === 0) return count === 0 ? new Uint8Array() : undefined;
    for (let have = 0; have < count;) have += read(scratch.reader, buffer, have, count - have);
    return buffer.subarray(0, count);
  }

  async #wait(): Promise<void> {
    try {
      await whenReadable(this.#fd, this.#stop.signal);
    } catch (error) {
      if (this.#open || isSysError(error)) throw error;
    }
  }
}
