/** Messages about containers. */
import {
  big,
  bytes,
  flag,
  integer,
  integers,
  many,
  map,
  message,
  one,
  text,
  texts,
} from "../../rpc/index.ts";
import { ContainerSecurity, ImageSpec, Metadata, Resources, SandboxConfig } from "./common.ts";

/** `ContainerState`. */
export const containerStates = { created: 0, running: 1, exited: 2, unknown: 3 } as const;

export const Mount = message({
  containerPath: text(1),
  hostPath: text(2),
  readOnly: flag(3),
  propagation: integer(5),
  recursiveReadOnly: flag(8),
  image: one(9, ImageSpec),
  imageSubPath: text(10),
});

const Device = message({ containerPath: text(1), hostPath: text(2), permissions: text(3) });

export const ContainerConfig = message({
  metadata: one(1, Metadata),
  image: one(2, ImageSpec),
  command: texts(3),
  args: texts(4),
  workingDir: text(5),
  envs: many(6, message({ key: text(1), value: text(2) })),
  mounts: many(7, Mount),
  devices: many(8, Device),
  labels: map(9),
  annotations: map(10),
  logPath: text(11),
  stdin: flag(12),
  stdinOnce: flag(13),
  tty: flag(14),
  linux: one(15, message({ resources: one(1, Resources), security: one(2, ContainerSecurity) })),
  stopSignal: integer(18),
});

export const CreateContainerRequest = message({
  podSandboxId: text(1),
  config: one(2, ContainerConfig),
  sandboxConfig: one(3, SandboxConfig),
});
export const CreateContainerResponse = message({ containerId: text(1) });

/** Of all requests that name a container and no more. */
export const ContainerRequest = message({ containerId: text(1) });

export const StopContainerRequest = message({ containerId: text(1), timeout: integer(2) });

export const ListContainersRequest = message({
  filter: one(
    1,
    message({
      id: text(1),
      state: one(2, message({ state: integer(1) })),
      podSandboxId: text(3),
      labels: map(4),
    }),
  ),
});

export const ListContainersResponse = message({
  containers: many(
    1,
    message({
      id: text(1),
      podSandboxId: text(2),
      metadata: one(3, Metadata),
      image: one(4, ImageSpec),
      imageRef: text(5),
      state: integer(6),
      createdAt: big(7),
      labels: map(8),
      annotations: map(9),
      imageId: text(10),
    }),
  ),
});

export const ContainerStatus = message({
  id: text(1),
  metadata: one(2, Metadata),
  state: integer(3),
  createdAt: big(4),
  startedAt: big(5),
  finishedAt: big(6),
  exitCode: integer(7),
  image: one(8, ImageSpec),
  imageRef: text(9),
  reason: text(10),
  message: text(11),
  labels: map(12),
  annotations: map(13),
  mounts: many(14, Mount),
  logPath: text(15),
  resources: one(16, message({ linux: one(1, Resources) })),
  imageId: text(17),
  user: one(
    18,
    message({ linux: one(1, message({ uid: integer(1), gid: integer(2), groups: integers(3) })) }),
  ),
});

export const ContainerStatusRequest = message({ containerId: text(1), verbose: flag(2) });
export const ContainerStatusResponse = message({ status: one(1, ContainerStatus), info: map(2) });

export const UpdateContainerResourcesRequest = message({ containerId: text(1), linux: one(2, Resources) });

export const ExecSyncRequest = message({ containerId: text(1), cmd: texts(2), timeout: integer(3) });
export const ExecSyncResponse = message({ stdout: bytes(1), stderr: bytes(2), exitCode: integer(3) });

export const ExecRequest = message({
  containerId: text(1),
  cmd: texts(2),
  tty: flag(3),
  stdin: flag(4),
  stdout: flag(5),
  stderr: flag(6),
});

export const AttachRequest = message({
  containerId: text(1),
  stdin: flag(2),
  tty: flag(3),
  stdout: flag(4),
  stderr: flag(5),
});

export const PortForwardRequest = message({ podSandboxId: text(1) });

/** Where the client finds the stream that it has asked for. */
export const StreamResponse = message({ url: text(1) });
