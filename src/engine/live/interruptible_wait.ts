/** A wait that somebody can end: that one, and all that would follow. */
export class InterruptibleWait {
  #interrupt: (() => void) | undefined;
  #isInterrupted = false;

  /** @returns false: it was interrupted */
  async pass(milliseconds: number): Promise<boolean> {
    if (this.#isInterrupted) return false;
    const { promise, resolve } = Promise.withResolvers<boolean>();
    const timer = setTimeout(() => resolve(true), milliseconds);
    this.#interrupt = () => resolve(false);
    return promise.finally(() => clearTimeout(timer));
  }

  interrupt(): void {
    this.#isInterrupted = true;
    this.#interrupt?.();
  }
}
