/** The bytes of a file that another thread appends to, read here as they come. */
import { closeSync, openSync, readSync } from "node:fs";
import { Failure } from "../errors.ts";

/** Bytes a read. */
const chunkSize = 512 * 1024;

/** All chunks are views of one memory: each is valid until the next is asked for. */
export class FollowedFile implements Disposable {
  readonly #fd: number;
  readonly #path: string;
  readonly #onUsed: (bytes: number) => void;
  #size = 0;
  #ended = false;
  #failure: Failure | undefined;
  #wake: (() => void) | undefined;

  /** @param onUsed told how long each chunk was, when it has been used */
  constructor(path: string, onUsed: (bytes: number) => void) {
    this.#path = path;
    this.#fd = openSync(path, "r");
    this.#onUsed = onUsed;
  }

  /** The file has so many bytes now. */
  grown(size: number): void {
    this.#size = size;
    this.#wake?.();
  }

  /** Nothing more comes. */
  end(): void {
    this.#ended = true;
    this.#wake?.();
  }

  /** The reader gets this failure next. */
  fail(failure: Failure): void {
    this.#failure = failure;
    this.#wake?.();
  }

  /** @throws Failure("corrupt") if the file is shorter than it was said to be */
  async *[Symbol.asyncIterator](): AsyncGenerator<Uint8Array, void, undefined> {
    const memory = spare.pop() ?? Buffer.allocUnsafeSlow(chunkSize);
    try {
      for (let position = 0; ;) {
        if (this.#failure !== undefined) throw this.#failure;
        const length = Math.min(this.#size - position, chunkSize);
        if (length > 0) {
          const count = readSync(this.#fd, memory, 0, length, position);
          if (count === 0) throw new Failure("corrupt", `${this.#path} was cut at ${position} bytes`);
          position += count;
          yield memory.subarray(0, count);
          this.#onUsed(count);
        } else if (this.#ended) return;
        else await this.#more();
      }
    } finally {
      spare.push(memory);
    }
  }

  async #more(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#wake = resolve;
    await promise;
    this.#wake = undefined;
  }

  [Symbol.dispose](): void {
    closeSync(this.#fd);
  }
}

/** Memory for the next file: fresh memory for each layer would cost more than reading it. */
const spare: Buffer[] = [];
