/** A directory seen through a bind mount in which every write is EROFS. */
import { fromText } from "../byte_string.ts";
import * as sys from "../sys/index.ts";
import { holdMount } from "./held_mount.ts";
import { atMountPoint } from "./mount_point.ts";
import type { CacheId, MountedRoot } from "./types.ts";

/** Under which key the view of `id` is held, and where it is: beside the lock files. */
export const viewKey = (id: CacheId): string => `${id}.view`;
export const viewPath = (locks: string, id: CacheId): string => `${locks}/${viewKey(id)}`;

/**
 * Holds the view `<locks>/<id>.view` of `source`, and `source` with it.
 * @param source is let go of when the view is, and when there can be none
 */
export async function holdReadOnlyView(
  locks: string,
  id: CacheId,
  source: MountedRoot,
): Promise<MountedRoot> {
  const path = viewPath(locks, id);
  try {
    const view = await holdMount(locks, {
      key: viewKey(id),
      path,
      mounting: { readOnly: true, mount: () => bindReadOnly(source.path, path) },
    });
    return {
      path,
      [Symbol.asyncDispose]: async () => {
        await view[Symbol.asyncDispose]();
        await source[Symbol.asyncDispose]();
      },
    };
  } catch (error) {
    await source[Symbol.asyncDispose]();
    throw error;
  }
}

function bindReadOnly(source: string, target: string): void {
  atMountPoint(target, (to) => sys.mount(fromText(source), to, "", sys.MS_BIND));
  // MS_RDONLY has no effect on the bind itself, only on its remount (mount(2), "Creating a bind mount").
  sys.mount("", fromText(target), "", sys.MS_BIND | sys.MS_REMOUNT | sys.MS_RDONLY);
}
