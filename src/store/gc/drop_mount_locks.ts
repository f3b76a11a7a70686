/** Lock files of mounts whose layer has gone: its removal was killed at the end. */
import { join } from "node:path";
import { isFailure } from "../../errors.ts";
import { listIfThere } from "../read_small.ts";
import type { Store } from "../types.ts";

/** Nothing is told of them: they are empty. */
export async function dropMountLocks({ root, driver }: Store): Promise<void> {
  const locked = listIfThere(join(root, "varve/mounts")).flatMap(
    (name) => /^([0-9a-f]{64}(?:-init)?)(?:\.view|\.image)?\.(?:gate|users)$/.exec(name)?.[1] ?? [],
  );
  // Listed later: a layer is there before its locks, and its name is never used again.
  const layers = new Set<string>(await driver.list());
  for (const id of new Set(locked)) {
    if (layers.has(id)) continue;
    try {
      await driver.remove(id);
    } catch (error) {
      // A migration's, under the other driver.
      if (!isFailure(error, "conflict")) throw error;
    }
  }
}
