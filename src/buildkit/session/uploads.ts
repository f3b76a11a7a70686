/**
 * Contexts that come as the body of a call of their own, while another one builds (docker/cli, `upload-request`; moby,
 * builder/builder-next/builder.go, `buildJob`).
 */
import { Failure } from "../../errors.ts";
import type { ByteSource } from "../../bytes/index.ts";
import { Arrivals } from "./arrivals.ts";

interface Offer {
  readonly body: ByteSource;
  readonly take: () => void;
  readonly done: () => void;
}

/** The body, which its sender is let go from at disposal. */
export interface Upload extends Disposable {
  readonly body: ByteSource;
}

export class Uploads {
  readonly #offers = new Map<string, Offer>();
  readonly #arrivals: Arrivals<Offer>;
  readonly #taken: Arrivals<void>;

  /** @param patience milliseconds for which either waits for the other (default 10,000) */
  constructor(patience = 10_000) {
    this.#arrivals = new Arrivals(patience);
    this.#taken = new Arrivals(patience);
  }

  /**
   * Resolves when the build needs no more of it.
   * @throws Failure("not-found") if no build takes it, Failure("conflict"), Failure("cancelled")
   */
  async offer(id: string, body: ByteSource, signal: AbortSignal): Promise<void> {
    if (this.#offers.has(id)) throw new Failure("conflict", `there is an upload for build ${id} already`);
    const done = Promise.withResolvers<void>();
    const late = (): Failure => new Failure("not-found", `no build ${id}: context deadline exceeded`);
    const taken = this.#taken.wait(id, { signal, late });
    const offer = { body, take: () => this.#taken.tell(id), done: done.resolve };
    this.#offers.set(id, offer);
    this.#arrivals.tell(id, offer);
    try {
      await taken;
      await done.promise;
    } finally {
      this.#offers.delete(id);
    }
  }

  /** @throws Failure("not-found") if nothing is offered, Failure("cancelled") */
  async take(id: string, signal: AbortSignal): Promise<Upload> {
    const late = (): Failure =>
      new Failure("not-found", `no upload for build ${id}: context deadline exceeded`);
    const { body, take, done } = this.#offers.get(id) ?? (await this.#arrivals.wait(id, { signal, late }));
    take();
    return { body, [Symbol.dispose]: done };
  }
}
