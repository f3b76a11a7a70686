/** What a container prints, apart from what its runtime does. */
import type { ChildProcess } from "node:child_process";

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
  readonly #isOpen: () => boolean;
  readonly #pass: (chunk: Uint8Array) => void;

  constructor(
    child: ChildProcess,
    isOpen: () => boolean,
    onOutput: (stream: "stdout" | "stderr", chunk: Uint8Array) => void,
  ) {
    this.#isOpen = isOpen;
    this.#pass = (chunk) => onOutput("stderr", chunk);
    child.stdout?.on("data", (chunk: Uint8Array) => onOutput("stdout", chunk));
    child.stderr?.on("data", (chunk: Uint8Array) => {
      this.#chunks.push(chunk);
      this.#passWhenOpen();
    });
    child.once("close", () => clearTimeout(this.#timer));
  }

  /** Text that was never passed on. */
  get held(): string {
    return Buffer.concat(this.#chunks).toString("utf8");
  }

  flush(): void {
    const chunks = this.#chunks;
    this.#chunks = [];
    for (const chunk of chunks) this.#pass(chunk);
  }

  #passWhenOpen(): void {
    clearTimeout(this.#timer);
    this.#open ||= this.#isOpen();
    if (this.#open) this.flush();
    else this.#timer = setTimeout(() => this.#passWhenOpen(), interval);
  }
}
