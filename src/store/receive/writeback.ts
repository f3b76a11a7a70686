/** Bringing to the disk what is unpacked, while more is unpacked. */
import { flush } from "./flush.ts";

/** Compressed bytes that are unpacked between two flushes; two or three times as many plain ones. */
const interval = 16 << 20;

/**
 * The flush before the registration would find all of an image to write, with the processors idle. So a large image is
 * flushed now and then on its way: a tenth of the time of a pull of 800 MB. Nothing relies on it. Small images, and slow
 * downloads, do not trouble the disk more often for it.
 */
export class Writeback implements AsyncDisposable {
  readonly #path: string;
  #bytes = 0;
  #running: Promise<void> | undefined;
  #failure: { readonly error: unknown } | undefined;

  /** @param path on the file system that is to be flushed */
  constructor(path: string) {
    this.#path = path;
  }

  /** So many more bytes were unpacked. */
  unpacked(bytes: number): void {
    this.#bytes += bytes;
    if (this.#bytes < interval || this.#running !== undefined) return;
    this.#bytes = 0;
    this.#running = flush([this.#path])
      .catch((error: unknown) => (this.#failure ??= { error }))
      .then(() => (this.#running = undefined));
  }

  /** Waits until nothing is being flushed. Throws what went wrong: syncfs(2) tells an error of writing back once. */
  async finish(): Promise<void> {
    await this.#running;
    if (this.#failure !== undefined) throw this.#failure.error;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#running;
  }
}
