/** A lock of the store that is held beyond one function. */
import type { Store } from "../types.ts";

/** Takes the lock; disposing lets go of it. Throws what {@link Store.withLock} throws when it cannot be had. */
export async function holdLock(
  store: Pick<Store, "withLock">,
  name: string,
  signal: AbortSignal,
): Promise<AsyncDisposable> {
  const taken = Promise.withResolvers<void>();
  const done = Promise.withResolvers<void>();
  const held = store.withLock(
    name,
    () => {
      taken.resolve();
      return done.promise;
    },
    signal,
  );
  await Promise.race([taken.promise, held]);
  return {
    async [Symbol.asyncDispose]() {
      done.resolve();
      await held;
    },
  };
}
