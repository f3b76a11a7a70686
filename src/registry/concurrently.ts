/** Many small steps, some at a time: a storage far away answers each in milliseconds. */

const atATime = 16;

/** The results, in the order of the items. Fails with the first failure. */
export async function concurrently<Item, Result>(
  items: readonly Item[],
  act: (item: Item) => Promise<Result>,
): Promise<Result[]> {
  const results: Result[] = [];
  let next = 0;
  const work = async (): Promise<void> => {
    for (let i = next++; i < items.length; i = next++) results[i] = await act(items[i] as Item);
  };
  await Promise.all(Array.from({ length: Math.min(atATime, items.length) }, work));
  return results;
}
