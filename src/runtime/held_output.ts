/** What a container prints, apart from what its runtime does. */
import type { ChildProcess } from "node:child_process";

export interface OutputTaker {
  readonly onOutput: (stream: "stdout" | "stderr", chunk: Uint8Array) => void;
  /** Asked after each piece: while its promise is pending nothing more is read, so that the command has to wait. */
  readonly pace?: (() => Promise<void> | undefined) | undefined;
  /** Ends all waiting. */
  readonly signal: AbortSignal;
}

/** Milliseconds between two looks at whether the container's process runs. */
const interval = 10;

/**
 * The runtime tells why it could not start a container on the same stream on which the container then writes. So what
 * comes there is held back until the container's process runs.
 */
export class HeldOutput {
  #chunks: Uint8Array[] = [];
  #open = false;
  #timer: NodeJS.Timeout | undefined;
  readonly #child: ChildProcess;
  readonly #isOpen: () => boolean;
  readonly #taker: OutputTaker;
  #isPaused = false;

  constructor(child: ChildProcess, isOpen: () => boolean, taker: OutputTaker) {
    this.#child = child;
    this.#isOpen = isOpen;
    this.#taker = taker;
    child.stdout?.on("data", (chunk: Uint8Array) => this.#pass("stdout", chunk));
    child.stderr?.on("data", (chunk: Uint8Array) => {
      this.#chunks.push(chunk);
      this.#passWhenOpen();
    });
    // Streams that nobody reads never close.
    const readAll = (): void => this.#resume();
    taker.signal.addEventListener("abort", readAll, { once: true });
    child.once("close", () => {
      clearTimeout(this.#timer);
      taker.signal.removeEventListener("abort", readAll);
    });
  }

  /** Text that was never passed on. */
  get held(): string {
    return Buffer.concat(this.#chunks).toString("utf8");
  }

  flush(): void {
    const chunks = this.#chunks;
    this.#chunks = [];
    for (const chunk of chunks) this.#pass("stderr", chunk);
  }

  /** Reads on when there is room. */
  #pass(stream: "stdout" | "stderr", chunk: Uint8Array): void {
    const { onOutput, pace, signal } = this.#taker;
    onOutput(stream, chunk);
    const room = this.#isPaused || signal.aborted ? undefined : pace?.();
    if (room === undefined) return;
    this.#isPaused = true;
    this.#child.stdout?.pause();
    this.#child.stderr?.pause();
    void room.then(() => this.#resume());
  }

  #resume(): void {
    this.#isPaused = false;
    this.#child.stdout?.resume();
    this.#child.stderr?.resume();
  }

  #passWhenOpen(): void {
    clearTimeout(this.#timer);
    this.#open ||= this.#isOpen();
    if (this.#open) this.flush();
    else this.#timer = setTimeout(() => this.#passWhenOpen(), interval);
  }
}
