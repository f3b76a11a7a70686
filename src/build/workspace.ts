/** Where one `RUN` works: a stack of layers, mounted for writing, and what was changed in it. */
import { lstatSync } from "node:fs";
import type { ByteSource } from "../bytes/index.ts";
import type { ChainId } from "../oci/index.ts";
import { makeTemporaryLayer, type MountPoint, type Session, type Store } from "../store/index.ts";
import type { StepMount } from "./types.ts";

export interface Workspace extends AsyncDisposable {
  /** Absolute path of the mounted root. */
  readonly path: string;
  /** Layer tar of what was changed; nobody may write meanwhile. May be read after {@link unmount}. */
  diff(options: { readonly signal: AbortSignal }): ByteSource;
  /** Ends the mount; what was written stays until disposal. */
  unmount(): Promise<void>;
}

/**
 * Mounts the layer `top` (undefined: nothing) with an empty layer to write to on it, as a container has it: the places
 * for what the engine mounts into containers, and for `mounts`, lie in a layer of their own and are no changes. Disposal
 * unmounts and removes what was written. `session` claims it all, so that what a crash leaves is garbage; the caller keeps
 * `top` alive. Throws `Failure("not-found")` if `top` is not there.
 */
export async function openWorkspace(
  store: Store,
  session: Session,
  top: ChainId | undefined,
  mounts: readonly StepMount[] = [],
): Promise<Workspace> {
  const { driver } = store;
  const container = { mountPoints: mounts.map(mountPoint) };
  const layer = await makeTemporaryLayer(store, session, top, { container });
  try {
    const mounted = await driver.mount(layer.id, { volatile: true });
    const unmount = (): Promise<void> => Promise.resolve(mounted[Symbol.asyncDispose]());
    return {
      path: mounted.path,
      diff: (options) => driver.diff(layer.id, options),
      unmount,
      [Symbol.asyncDispose]: async () => {
        await unmount();
        await layer.remove();
      },
    };
  } catch (error) {
    await layer.remove();
    throw error;
  }
}

function mountPoint(mount: StepMount): MountPoint {
  const isDirectory = mount.type !== "bind" || lstatSync(mount.source).isDirectory();
  return { path: mount.destination, kind: isDirectory ? "directory" : "file" };
}
