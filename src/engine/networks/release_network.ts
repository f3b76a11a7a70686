/** What a run leaves of its networks whose supervisor was killed. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import type { Store } from "../../store/index.ts";
import { endpointsIn, networkingOf, whileConnecting } from "./networking_of.ts";

/** Harmless where there is nothing. */
export async function releaseNetwork(store: Store, containerId: string): Promise<void> {
  if (!existsSync(join(store.root, "varve", "network", "namespaces", containerId))) return;
  const networking = await networkingOf(store);
  await whileConnecting(store, containerId, async () => {
    for (const { id } of endpointsIn(networking, containerId)) await networking.endpoints.disconnect(id);
    networking.namespaces.remove(containerId);
  });
}
