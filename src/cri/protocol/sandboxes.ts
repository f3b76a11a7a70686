/** Messages about pod sandboxes. */
import { big, flag, integer, many, map, message, one, text } from "../../rpc/index.ts";
import { NamespaceOption, SandboxConfig, SandboxMetadata } from "./common.ts";
import { ContainerStatus } from "./containers.ts";

/** `PodSandboxState`. */
export const sandboxStates = { ready: 0, notReady: 1 } as const;

export const RunPodSandboxRequest = message({ config: one(1, SandboxConfig), runtimeHandler: text(2) });
export const RunPodSandboxResponse = message({ podSandboxId: text(1) });

/** Of all requests that name a sandbox and no more. */
export const SandboxRequest = message({ podSandboxId: text(1) });

export const PodSandboxStatusRequest = message({ podSandboxId: text(1), verbose: flag(2) });

export const SandboxStatus = message({
  id: text(1),
  metadata: one(2, SandboxMetadata),
  state: integer(3),
  createdAt: big(4),
  network: one(5, message({ ip: text(1), additionalIps: many(2, message({ ip: text(1) })) })),
  linux: one(6, message({ namespaces: one(1, message({ options: one(2, NamespaceOption) })) })),
  labels: map(7),
  annotations: map(8),
});

export const PodSandboxStatusResponse = message({
  status: one(1, SandboxStatus),
  info: map(2),
  containersStatuses: many(3, ContainerStatus),
  timestamp: big(4),
});

export const ListPodSandboxRequest = message({
  filter: one(1, message({ id: text(1), state: one(2, message({ state: integer(1) })), labels: map(3) })),
});

export const ListPodSandboxResponse = message({
  items: many(
    1,
    message({
      id: text(1),
      metadata: one(2, SandboxMetadata),
      state: integer(3),
      createdAt: big(4),
      labels: map(5),
      annotations: map(6),
    }),
  ),
});
