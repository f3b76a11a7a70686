/** Mounts of layers that a crash left. */
import { realpathSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { fromText, toText } from "../../byte_string.ts";
import { isFailure } from "../../errors.ts";
import { mountInfo, unmount } from "../../sys/index.ts";
import { readSessions } from "../sessions.ts";
import type { Store } from "../types.ts";
import type { Garbage } from "./types.ts";

/**
 * Ends mounts of layers that no living process uses, and tells which. Those of containers are left alone: a container
 * may run on while nobody of us looks at it.
 * @param only the layers that are looked at, beside mounts of images, on which one of them may have stood; default: all
 */
export async function endUnusedMounts(store: Store, only?: ReadonlySet<string>): Promise<Garbage[]> {
  const before = mountsOf(store);
  const ids = new Set([...before.values()].filter((id) => only?.has(id) !== false));
  const containers = await mountsOfContainers(store);
  // What a living operation has made it may be about to remove, and half of it cannot be mounted.
  const { live } = await readSessions(store);
  for (const id of ids) if (!containers.has(id) && !live.has(id)) await takeAndLeave(store, id);
  // Only now: to take a layer's mount is to mount its image again.
  if (only !== undefined) await endIdleImages(store, mountsOf(store));
  const after = mountsOf(store);
  return [...before.keys()].filter((path) => !after.has(path)).map(ended);
}

/** Ends all that is mounted below a dead session's directory, such as file systems in memory. */
export function endMountsIn(directory: string): void {
  // It may have gone meanwhile; its parent stays.
  const path = join(realpathSync(dirname(directory)), basename(directory));
  const inside = `${fromText(path)}/`;
  const found = mountInfo().filter(({ mountPoint }) => mountPoint.startsWith(inside));
  // Later ones may stand on earlier ones.
  for (const { mountPoint } of found.reverse()) unmount(mountPoint, { detach: true });
}

async function mountsOfContainers(store: Store): Promise<Set<string>> {
  const ids = new Set<string>();
  for (const container of await store.containers.list()) {
    const mountId = (await store.containers.get(container))?.mountId;
    if (mountId !== undefined) ids.add(mountId);
  }
  return ids;
}

/** The last who lets go of a mount ends it, whoever made it: so becoming a user and leaving again is enough. */
async function takeAndLeave(store: Store, id: string): Promise<void> {
  try {
    await using mounted = await store.driver.mount(id, { readOnly: true });
    void mounted.path;
  } catch (error) {
    // Somebody uses it, or its directory is garbage: driver.remove ends the mount then.
    if (!isFailure(error, "conflict") && !isFailure(error, "not-found")) throw error;
  }
}

/** What has died may be the only thing that stood on an image; a container that does mounts it again. */
async function endIdleImages({ driver }: Store, mounts: ReadonlyMap<string, string>): Promise<void> {
  for (const [path, id] of mounts) if (path.endsWith(".image")) await driver.endIdleMount?.(id);
}

/** Mount points below the root, with the cache IDs in their paths. */
function mountsOf(store: Store): Map<string, string> {
  const root = realpathSync(store.root);
  const found = new Map<string, string>();
  for (const mount of mountInfo()) {
    const path = toText(mount.mountPoint);
    const id =
      path === join(root, store.driver.name, basename(dirname(path)), "merged")
        ? basename(dirname(path))
        : path.startsWith(join(root, "varve/mounts/"))
          ? basename(basename(path, ".view"), ".image")
          : "";
    if (/^[0-9a-f]{64}(-init)?$/.test(id)) found.set(path, id);
  }
  return found;
}

function ended(path: string): Garbage {
  return {
    kind: "mount",
    what: path,
    reason: "no process uses it",
    paths: [],
    remove: async () => undefined,
  };
}
