/** The networks of a root, opened once for a process and store. */
import { join } from "node:path";
import { inUserNamespace } from "../../driver/index.ts";
import type { Endpoint, Networking, NetworkingOptions } from "../../network/index.ts";
import type { Store } from "../../store/index.ts";

const opened = new WeakMap<Store, Promise<Networking>>();

/**
 * Makes no interface.
 * @param options of the first call hold for all
 * @throws Failure("corrupt"), SysError
 */
export async function networkingOf(
  store: Store,
  options: Pick<NetworkingOptions, "defaults" | "relays"> = {},
): Promise<Networking> {
  let networking = opened.get(store);
  if (networking === undefined) {
    const directory = join(store.root, "varve", "network");
    // The machine's lock is root's. In a user namespace there are no bridges that others could have, too.
    const lock = inUserNamespace() ? { lock: join(directory, "lock") } : {};
    networking = import("../../network/index.ts").then(({ openNetworking }) =>
      openNetworking({ directory, ...lock, ...options }),
    );
    opened.set(store, networking);
  }
  return networking;
}

/** Runs `work` while nobody else connects or disconnects the container. */
export function whileConnecting<T>(store: Store, containerId: string, work: () => Promise<T>): Promise<T> {
  return store.withLock(`network-${containerId}`, work);
}

/** A container's own, the way out first. */
export function endpointsIn({ endpoints }: Networking, containerId: string): Endpoint[] {
  return endpoints.of(containerId);
}
