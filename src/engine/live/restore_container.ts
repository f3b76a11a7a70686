/** What becomes of a container when a supervisor begins (moby, daemon/daemon.go, `restore`). */
import { readHostConfig, type ContainerRecord } from "../containers/record.ts";
import { hasRun } from "../containers/settle.ts";
import { isSupervised } from "../containers/supervision.ts";
import { finishRemoval } from "./finish_removal.ts";
import { LiveContainer } from "./live_container.ts";
import type { LiveContext } from "./live_context.ts";
import type { LiveSet } from "./live_set.ts";
import { restartPolicyOf, startsWithDaemon } from "./restart_policy.ts";

/**
 * Goes on with one that runs or ran, finishes a removal that was broken off, starts one that is to run always.
 * @param start as for somebody who asks for it
 */
export async function restoreContainer(
  context: LiveContext,
  set: LiveSet,
  record: ContainerRecord,
  start: (id: string) => Promise<void>,
): Promise<void> {
  const { store, events, warn } = context;
  const { ID: id, State } = record;
  const hostConfig = readHostConfig(store.root, id);
  const hadRun = State.Running || hasRun(store, id);
  if (hadRun) {
    // One that is run in the foreground is not waited for.
    const isForeground = await isSupervised(store, id);
    const resuming = set.keep(id, LiveContainer.resume(context, id));
    if (isForeground) return void resuming.catch((error: Error) => warn(error.message));
    await resuming;
    if (set.get(id)?.run !== undefined) return;
  }
  if (hostConfig.AutoRemove || State.RemovalInProgress) {
    await set.get(id)?.ended.catch(() => undefined);
    return finishRemoval(store, events, id);
  }
  const isToRun = startsWithDaemon(restartPolicyOf(hostConfig), record["HasBeenManuallyStopped"] === true);
  if (!hadRun && isToRun && record.HasBeenStartedBefore) await start(id);
}
