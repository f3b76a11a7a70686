/** The output of a process that nobody logs: to all who listen, as fast as the slowest of them. */
import type { Socket } from "node:net";
import type { ExecStreams, OutputListener, OutputStream } from "../../../runtime/index.ts";

export class ExecOutput {
  readonly #listeners = new Set<OutputListener>();
  /** Resolves when both streams have ended, or were closed. */
  readonly ended: Promise<void>;

  /** Reads what nobody listens to, too: the process goes on. */
  constructor({ stdout, stderr }: ExecStreams) {
    this.ended = Promise.all([this.#read("stdout", stdout), this.#read("stderr", stderr)]).then(
      () => undefined,
    );
  }

  /** From the next byte on. */
  listen(listener: OutputListener): Disposable {
    this.#listeners.add(listener);
    return { [Symbol.dispose]: () => void this.#listeners.delete(listener) };
  }

  async #read(name: OutputStream, from: Socket | undefined): Promise<void> {
    if (from === undefined) return;
    try {
      for await (const chunk of from as AsyncIterable<Buffer>) {
        await Promise.all([...this.#listeners].map((listener) => listener.write(name, chunk)));
      }
    } catch {
      // Closed before its end: the process is left alone.
    }
  }
}
