/** The networks of a root, opened once for a process and store. */
import { join } from "node:path";
import { inUserNamespace } from "../../driver/index.ts";
import type { Endpoint, NetworkDefaults, Networking } from "../../network/index.ts";
import type { Store } from "../../store/index.ts";

const opened = new WeakMap<Store, Promise<Networking>>();

/**
 * Makes no interface.
 * @param defaults of the first call hold for all
 * @throws Failure("corrupt"), SysError
 */
export async function networkingOf(store: Store, defaults: NetworkDefaults = {}): Promise<Networking> {
  let networking = opened.get(store);
  if (networking === undefined) {
    const directory = join(store.root, "varve", "network");
    // The machine's lock is root's. In a user namespace there are no bridges that others could have, too.
    const lock = inUserNamespace() ? { lock: join(directory, "lock") } : {};
    networking = import("../../network/index.ts").then(({ openNetworking }) =>
      openNetworking({ directory, ...lock, defaults }),
    );
    opened.set(store, networking);
  }
  return networking;
}

/** Runs `work` while nobody else connects or disconnects the container. */
export function whileConnecting<T>(store: Store, containerId: string, work: () => Promise<T>): Promise<T> {
  return store.withLock(`network-${containerId}`, work);
}

/** A container's own, in the order in which they were made. */
export function endpointsIn({ endpoints }: Networking, containerId: string): Endpoint[] {
  return endpoints.list().filter((endpoint) => endpoint.containerId === containerId);
}
