/** From a build to whoever looks on: nothing is lost to the first who comes, and nobody is slower than he is. */
import type { StatusUpdate } from "./status_messages.ts";

/** Bytes that may wait for one reader before commands are held up, and bars are no longer told of. */
const mostWaiting = 256 * 1024;
/** Bytes of one message. Clients take 16 MiB. */
const mostTogether = 512 * 1024;

/**
 * Commands of a build that nobody looks at are not held up: of their output, the first {@link mostWaiting} bytes are kept
 * for who comes later.
 */
export class StatusFeed {
  readonly #readers = new Set<Queue>();
  /** Until the first reader comes. */
  #before: Queue | undefined = new Queue();
  #hasEnded = false;

  push(update: StatusUpdate): void {
    const { logs = [], statuses = [] } = update;
    const canBeLost = statuses.some(({ completed }) => completed === undefined);
    for (const queue of this.#readers) if (!canBeLost || !queue.isFull) queue.add(update);
    const before = this.#before;
    if (before !== undefined && !(before.isFull && (canBeLost || logs.length > 0))) before.add(update);
  }

  end(): void {
    this.#hasEnded = true;
    for (const queue of this.#readers) queue.wake();
  }

  /** Pending while a reader has not yet taken what is there. */
  readonly room = (): Promise<void> | undefined => {
    const full = [...this.#readers].find((queue) => queue.isFull);
    return full?.room();
  };

  /** Ends with the build, or when it is aborted. */
  async *read(signal: AbortSignal): AsyncGenerator<StatusUpdate, void> {
    const queue = this.#before ?? new Queue();
    this.#before = undefined;
    this.#readers.add(queue);
    const stop = (): void => queue.wake();
    signal.addEventListener("abort", stop, { once: true });
    try {
      while (!signal.aborted) {
        const update = queue.take();
        if (update !== undefined) yield update;
        else if (this.#hasEnded) return;
        else await queue.wait();
      }
    } finally {
      signal.removeEventListener("abort", stop);
      this.#readers.delete(queue);
      queue.close();
    }
  }
}

class Queue {
  readonly #updates: StatusUpdate[] = [];
  #size = 0;
  #wanted: PromiseWithResolvers<void> | undefined;
  #room: PromiseWithResolvers<void> | undefined;

  get isFull(): boolean {
    return this.#size > mostWaiting;
  }

  add(update: StatusUpdate): void {
    this.#updates.push(update);
    this.#size += sizeOf(update);
    this.wake();
  }

  /** What is there, as one; undefined: nothing. */
  take(): StatusUpdate | undefined {
    let [size, count] = [0, 0];
    for (const update of this.#updates) {
      if (count > 0 && size + sizeOf(update) > mostTogether) break;
      size += sizeOf(update);
      count++;
    }
    if (count === 0) return undefined;
    const taken = this.#updates.splice(0, count);
    this.#size -= size;
    if (!this.isFull) this.#roomMade();
    return {
      vertexes: taken.flatMap((each) => each.vertexes ?? []),
      statuses: taken.flatMap((each) => each.statuses ?? []),
      logs: taken.flatMap((each) => each.logs ?? []),
      warnings: taken.flatMap((each) => each.warnings ?? []),
    };
  }

  async wait(): Promise<void> {
    this.#wanted ??= Promise.withResolvers();
    await this.#wanted.promise;
  }

  wake(): void {
    this.#wanted?.resolve();
    this.#wanted = undefined;
  }

  async room(): Promise<void> {
    this.#room ??= Promise.withResolvers();
    await this.#room.promise;
  }

  close(): void {
    this.#roomMade();
  }

  #roomMade(): void {
    this.#room?.resolve();
    this.#room = undefined;
  }
}

/** About as many bytes as it has when it is sent. */
function sizeOf({ vertexes = [], statuses = [], logs = [], warnings = [] }: StatusUpdate): number {
  const written = logs.reduce((sum, { message }) => sum + (message?.length ?? 0), 0);
  return 200 * (vertexes.length + statuses.length + warnings.length) + 100 * logs.length + written;
}
