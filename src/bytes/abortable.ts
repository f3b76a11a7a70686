/** Lets a signal end a stream. */
import { Failure } from "../errors.ts";
import type { ByteSource } from "./place.ts";

/** The failure of everything that its caller cancelled; Docker's text. */
export function cancelled(signal?: AbortSignal): Failure {
  const { reason } = signal ?? {};
  return reason instanceof Failure ? reason : new Failure("cancelled", "context canceled", { cause: reason });
}

/** Throws `Failure("cancelled")` if the signal was given. */
export function throwIfCancelled(signal: AbortSignal | undefined): void {
  if (signal?.aborted === true) throw cancelled(signal);
}

/**
 * The source's bytes, until `signal` aborts: then it throws `Failure("cancelled")` at once, even while the source is
 * being waited for, and closes the source.
 */
export async function* abortable(
  source: ByteSource,
  signal: AbortSignal | undefined,
): AsyncGenerator<Uint8Array, void, undefined> {
  if (signal === undefined) return yield* source;
  const iterator = source[Symbol.asyncIterator]();
  let abort: (() => void) | undefined;
  const onAbort = () => abort?.();
  // Not Promise.race against one promise for the whole stream: that one would keep every chunk alive.
  const next = () =>
    new Promise<IteratorResult<Uint8Array>>((resolve, reject) => {
      abort = () => reject(cancelled(signal));
      iterator.next().then(resolve, reject);
    });
  signal.addEventListener("abort", onAbort, { once: true });
  let ended = false;
  try {
    throwIfCancelled(signal);
    for (;;) {
      const { value, done } = await next();
      ended = done === true;
      if (ended) return;
      yield value;
      throwIfCancelled(signal);
    }
  } catch (error) {
    ended ||= !signal.aborted; // a source that threw is closed already
    throw error;
  } finally {
    signal.removeEventListener("abort", onAbort);
    if (!ended) await close(iterator, signal);
  }
}

async function close(iterator: AsyncIterator<Uint8Array>, signal: AbortSignal): Promise<void> {
  const closing = iterator.return?.();
  // A generator that hangs in `next` would make us hang in `return`.
  if (signal.aborted) void Promise.resolve(closing).catch(() => undefined);
  else await closing;
}
