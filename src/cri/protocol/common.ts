/** Parts of messages of the CRI (k8s.io/cri-api, pkg/apis/runtime/v1/api.proto); of all messages, the fields in use. */
import { flag, integer, integers, many, map, message, one, optional, text, texts } from "../../rpc/index.ts";

export const Nothing = message({});

/** `NamespaceMode`. */
export const namespaceModes = { pod: 0, container: 1, node: 2, target: 3 } as const;

export const NamespaceOption = message({
  network: integer(1),
  pid: integer(2),
  ipc: integer(3),
  targetId: text(4),
});

/** `SupplementalGroupsPolicy`. */
export const groupsPolicies = { merge: 0, strict: 1 } as const;

/** `ProfileType`. */
export const profileTypes = { runtimeDefault: 0, unconfined: 1, localhost: 2 } as const;

export const SecurityProfile = message({ type: integer(1), localhostRef: text(2) });

export const Resources = message({
  cpuPeriod: integer(1),
  cpuQuota: integer(2),
  cpuShares: integer(3),
  memoryLimit: integer(4),
  oomScoreAdj: integer(5),
  cpusetCpus: text(6),
  cpusetMems: text(7),
  memorySwapLimit: integer(10),
});

export const ImageSpec = message({ image: text(1), annotations: map(2), userSpecifiedImage: text(18) });

export const Metadata = message({ name: text(1), attempt: integer(2) });

export const SandboxMetadata = message({
  name: text(1),
  uid: text(2),
  namespace: text(3),
  attempt: integer(4),
});

export const SandboxConfig = message({
  metadata: one(1, SandboxMetadata),
  hostname: text(2),
  logDirectory: text(3),
  dns: one(4, message({ servers: texts(1), searches: texts(2), options: texts(3) })),
  portMappings: many(
    5,
    message({ protocol: integer(1), containerPort: integer(2), hostPort: integer(3), hostIp: text(4) }),
  ),
  labels: map(6),
  annotations: map(7),
  linux: one(
    8,
    message({
      cgroupParent: text(1),
      security: one(2, message({ namespaces: one(1, NamespaceOption), privileged: flag(6) })),
      sysctls: map(3),
    }),
  ),
});

export const ContainerSecurity = message({
  capabilities: one(1, message({ add: texts(1), drop: texts(2) })),
  privileged: flag(2),
  namespaces: one(3, NamespaceOption),
  runAsUser: optional(5),
  runAsUsername: text(6),
  readOnlyRootfs: flag(7),
  supplementalGroups: integers(8),
  noNewPrivileges: flag(11),
  runAsGroup: optional(12),
  maskedPaths: texts(13),
  readonlyPaths: texts(14),
  groupsPolicy: integer(17),
  seccomp: one(15, SecurityProfile),
});
