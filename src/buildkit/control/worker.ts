/** What clients are told of who builds here. */
import { hostname } from "node:os";
import { version, type Daemon } from "../../engine/index.ts";
import { hostPlatform, type Platform } from "../../oci/index.ts";
import type { Write } from "../../rpc/index.ts";
import type { WorkerRecord } from "./control_messages.ts";

/**
 * There is no label `…snapshotter`: by it clients take a dockerd with containerd's image store, which has images of several
 * platforms under one name and attestations.
 */
export async function worker({ id, engine, stepNetworks }: Daemon): Promise<Write<typeof WorkerRecord>> {
  const prefix = "org.mobyproject.buildkit.worker.";
  return {
    id,
    labels: {
      [`${prefix}executor`]: "containerd-shim-runc-v2",
      [`${prefix}hostname`]: hostname(),
      [`${prefix}moby.host-gateway-ip`]: await stepNetworks.hostGateway(),
      [`${prefix}moby.driver`]: engine.store.driver.name,
    },
    platforms: [platformMessage(hostPlatform())],
    buildkitVersion: buildkitVersion(),
  };
}

function platformMessage({ os, architecture, variant = "" }: Platform) {
  return { os, architecture, variant };
}

export function buildkitVersion() {
  return { package: "varve", version };
}
