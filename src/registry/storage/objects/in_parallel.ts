/** Does `work` for each item, at most `width` at once. The first failure ends it; what runs then is waited for. */
export async function inParallel<T>(
  items: Iterable<T>,
  width: number,
  work: (item: T) => Promise<void>,
): Promise<void> {
  const iterator = items[Symbol.iterator]();
  const state = { failed: false };
  const worker = async () => {
    for (let next = iterator.next(); !next.done && !state.failed; next = iterator.next()) {
      await work(next.value).catch((error: unknown) => {
        state.failed = true;
        throw error;
      });
    }
  };
  const outcomes = await Promise.allSettled(Array.from({ length: width }, worker));
  for (const outcome of outcomes) if (outcome.status === "rejected") throw outcome.reason;
}
