/** "Put unless it is there" for stores that cannot do it in one step. */
import { randomUUID } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";

export interface SettledPut {
  /** Who wrote what is there now; "" for a writer that left no name, undefined if nothing is there. */
  readonly writer: () => Promise<string | undefined>;
  /** Puts the object with this name of its writer beside it. */
  readonly put: (writer: string) => Promise<void>;
}

/** Milliseconds; a put of a small file takes some tens. */
const least = 250;

/**
 * Looks, puts with a mark, waits, and looks whose mark stayed. All that race have looked before the first put was done, so
 * their puts end within about the time that a put takes; what is there after that is the last one's, and he alone has
 * won. A put that takes much longer than ours could still come later: it is the best that such a store allows.
 */
export async function putSettled({ writer, put }: SettledPut): Promise<boolean> {
  if ((await writer()) !== undefined) return false;
  const mine = randomUUID();
  const begun = performance.now();
  await put(mine);
  await sleep(Math.max(least, 2 * (performance.now() - begun)));
  return (await writer()) === mine;
}
