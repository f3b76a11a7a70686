/** The moment in which the root changes its driver. */
import { setTimeout } from "node:timers/promises";
import { throwIfCancelled } from "../../bytes/index.ts";
import { containersLock } from "../container_layers.ts";
import { mapsLock } from "../digest_maps.ts";
import { putInForce } from "../driver_in_force.ts";
import { namesLock } from "../names.ts";
import { flush } from "../receive/flush.ts";
import { referencesLock } from "../release.ts";
import { hasLiveSession, unlessLiveSession } from "../sessions.ts";
import type { Store } from "../types.ts";
import { copyBooks } from "./copy_books.ts";
import { neededLayers } from "./plan_layers.ts";
import type { Run } from "./types.ts";
import { verify } from "./verify.ts";

/** Milliseconds between two looks whether others have ended. */
const pause = 200;

/** Waits until nobody else makes anything in this root. */
export async function othersEnded({ source, session, signal, report }: Run): Promise<void> {
  for (let told = false; await hasLiveSession(source, session); told = true) {
    if (!told) report({ status: "Waiting for other commands in this root to end" });
    await setTimeout(pause, undefined, { signal }).catch(() => throwIfCancelled(signal));
  }
}

/**
 * Holds everything still, brings the books along, verifies, and puts the target in force by one write. False if others
 * have made something since it was copied: then it has to be copied first.
 */
export async function switchOver(run: Run): Promise<boolean> {
  const { source, target, session, signal } = run;
  const locks = [containersLock, referencesLock, namesLock, mapsLock];
  const work = async (): Promise<boolean> => {
    if (!(await isCarried(run))) return false;
    await copyBooks(source, target);
    run.step("books");
    await verify(source, target);
    await flush([target.root, session.directory]);
    run.step("verified");
    throwIfCancelled(signal);
    await putInForce(target.root, target.driver.name);
    run.step("switched");
    return true;
  };
  return withAll(
    source,
    locks,
    signal,
    async () => (await unlessLiveSession(source, session, work)) === true,
  );
}

/** Whether the target has each layer and each container. */
async function isCarried({ source, target, copied }: Run): Promise<boolean> {
  for (const { chainId } of await neededLayers(source))
    if ((await target.layers.get(chainId)) === undefined) return false;
  const containers = await source.containers.list();
  return containers.length === copied.size && containers.every((id) => copied.has(id));
}

/** In this order, everywhere. */
function withAll<T>(
  store: Store,
  [first, ...rest]: readonly string[],
  signal: AbortSignal,
  work: () => Promise<T>,
): Promise<T> {
  if (first === undefined) return work();
  return store.withLock(first, () => withAll(store, rest, signal, work), signal);
}
