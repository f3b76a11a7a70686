/** The methods of RuntimeService and ImageService by name. What is not here is answered as unimplemented. */
import { version, type Daemon } from "../../engine/index.ts";
import { streaming, unary, type Methods } from "../../rpc/index.ts";
import * as p from "../protocol/index.ts";
import type { StreamOffers } from "../streaming/index.ts";
import { containerEvents } from "./container_events.ts";
import { ContainerService } from "./containers.ts";
import { execSync } from "./exec_sync.ts";
import { ImageService } from "./images.ts";
import { inParts, runtimeStreams } from "./list_streams.ts";
import { MetricsService } from "./metrics/metrics_service.ts";
import { SandboxService } from "./sandboxes.ts";
import { StatsService } from "./stats.ts";
import { WritableSizes } from "./writable_sizes.ts";

export interface ServiceOptions {
  readonly daemon: Daemon;
  /** Where clients find the streams that they ask for. */
  readonly streams: StreamOffers;
  /** The network of sandboxes. */
  readonly network: string;
}

export function criMethods({ daemon, streams, network }: ServiceOptions): Methods {
  const containers = new ContainerService(daemon);
  const sandboxes = new SandboxService(daemon, containers, network);
  const sizes = new WritableSizes(daemon);
  const parts = { daemon, containers, sandboxes, sizes };
  const [stats, metrics] = [new StatsService(parts), new MetricsService(parts)];
  return {
    ...under("RuntimeService", {
      ...runtimeMethods(daemon),
      ...sandboxMethods(sandboxes),
      ...containerMethods(containers),
      ...statsMethods(stats, metrics),
      ...runtimeStreams({ containers, sandboxes, stats, metrics }),
      ...streamMethods(daemon, containers, streams),
      ExecSync: unary(p.ExecSyncRequest, p.ExecSyncResponse, (request, call) =>
        execSync(daemon, containers, request, call),
      ),
      GetContainerEvents: streaming(p.Nothing, p.ContainerEvent, (_request, call) =>
        containerEvents({ daemon, containers, sandboxes }, call),
      ),
    }),
    ...under("ImageService", imageMethods(new ImageService(daemon, sizes))),
  };
}

function under(service: string, methods: Methods): Methods {
  return Object.fromEntries(
    Object.entries(methods).map(([name, method]) => [`/runtime.v1.${service}/${name}`, method]),
  );
}

/** An answer that says nothing but that it was done. */
const done = (work: Promise<void>): Promise<object> => work.then(() => ({}));

function runtimeMethods(daemon: Daemon): Methods {
  return {
    Version: unary(p.VersionRequest, p.VersionResponse, () => ({
      version: "0.1.0",
      runtimeName: "varve",
      runtimeVersion: version,
      runtimeApiVersion: "v1",
    })),
    Status: unary(p.StatusRequest, p.StatusResponse, async ({ verbose }) => ({
      status: { conditions: ["RuntimeReady", "NetworkReady"].map((type) => ({ type, status: true })) },
      // The one that is meant where none is named.
      handlers: [
        {
          features: { recursiveReadOnlyMounts: (await daemon.engine.system.machine()).recursiveReadOnly },
        },
      ],
      features: { supplementalGroupsPolicy: true },
      ...(verbose && { info: { config: JSON.stringify({ root: daemon.engine.store.root }) } }),
    })),
    RuntimeConfig: unary(p.Nothing, p.RuntimeConfigResponse, () => ({
      linux: { cgroupDriver: p.cgroupDrivers.cgroupfs },
    })),
    // It brings the addresses of pods, which come from the engine's networks here.
    UpdateRuntimeConfig: unary(p.Nothing, p.Nothing, () => ({})),
  };
}

function sandboxMethods(sandboxes: SandboxService): Methods {
  return {
    RunPodSandbox: unary(p.RunPodSandboxRequest, p.RunPodSandboxResponse, (request) =>
      sandboxes.run(request),
    ),
    StopPodSandbox: unary(p.SandboxRequest, p.Nothing, ({ podSandboxId }) =>
      done(sandboxes.stop(podSandboxId)),
    ),
    RemovePodSandbox: unary(p.SandboxRequest, p.Nothing, ({ podSandboxId }) =>
      done(sandboxes.remove(podSandboxId)),
    ),
    PodSandboxStatus: unary(p.PodSandboxStatusRequest, p.PodSandboxStatusResponse, (request) =>
      sandboxes.status(request),
    ),
    // kubelet has changed the pod's control group by then; there is nothing else that goes by its limits.
    UpdatePodSandboxResources: unary(p.SandboxRequest, p.Nothing, ({ podSandboxId }) => {
      sandboxes.find(podSandboxId);
      return {};
    }),
    ListPodSandbox: unary(p.ListPodSandboxRequest, p.ListPodSandboxResponse, (request) =>
      sandboxes.list(request),
    ),
  };
}

function containerMethods(containers: ContainerService): Methods {
  return {
    CreateContainer: unary(p.CreateContainerRequest, p.CreateContainerResponse, (request) =>
      containers.create(request),
    ),
    StartContainer: unary(p.ContainerRequest, p.Nothing, ({ containerId }) =>
      done(containers.start(containerId)),
    ),
    StopContainer: unary(p.StopContainerRequest, p.Nothing, ({ containerId, timeout }) =>
      done(containers.stop(containerId, timeout)),
    ),
    RemoveContainer: unary(p.ContainerRequest, p.Nothing, ({ containerId }) =>
      done(containers.remove(containerId)),
    ),
    ListContainers: unary(p.ListContainersRequest, p.ListContainersResponse, (request) =>
      containers.list(request),
    ),
    ContainerStatus: unary(p.ContainerStatusRequest, p.ContainerStatusResponse, (request) =>
      containers.status(request),
    ),
    UpdateContainerResources: unary(p.UpdateContainerResourcesRequest, p.Nothing, (request) =>
      done(containers.update(request)),
    ),
    ReopenContainerLog: unary(p.ContainerRequest, p.Nothing, ({ containerId }) =>
      done(containers.reopenLog(containerId)),
    ),
  };
}

function statsMethods(stats: StatsService, metrics: MetricsService): Methods {
  return {
    ContainerStats: unary(p.ContainerRequest, p.ContainerStatsResponse, ({ containerId }) =>
      stats.container(containerId),
    ),
    ListContainerStats: unary(p.ListContainerStatsRequest, p.ListContainerStatsResponse, (request) =>
      stats.containers(request),
    ),
    PodSandboxStats: unary(p.SandboxRequest, p.PodSandboxStatsResponse, ({ podSandboxId }) =>
      stats.sandbox(podSandboxId),
    ),
    ListPodSandboxStats: unary(p.ListPodSandboxStatsRequest, p.ListPodSandboxStatsResponse, (request) =>
      stats.sandboxes(request),
    ),
    ListMetricDescriptors: unary(p.Nothing, p.ListMetricDescriptorsResponse, () => metrics.descriptors()),
    ListPodSandboxMetrics: unary(p.Nothing, p.ListPodSandboxMetricsResponse, () => metrics.list()),
  };
}

function imageMethods(images: ImageService): Methods {
  return {
    ListImages: unary(p.ListImagesRequest, p.ListImagesResponse, (request) => images.list(request)),
    StreamImages: streaming(p.ListImagesRequest, p.ListImagesResponse, async function* (request) {
      for (const part of inParts((await images.list(request)).images ?? [])) yield { images: part };
    }),
    ImageStatus: unary(p.ImageStatusRequest, p.ImageStatusResponse, (request) => images.status(request)),
    PullImage: unary(p.PullImageRequest, p.PullImageResponse, (request, call) => images.pull(request, call)),
    RemoveImage: unary(p.RemoveImageRequest, p.Nothing, (request) => done(images.remove(request))),
    ImageFsInfo: unary(p.Nothing, p.ImageFsInfoResponse, () => images.fileSystems()),
  };
}

/** The client is told where to go, once. */
function streamMethods(daemon: Daemon, containers: ContainerService, streams: StreamOffers): Methods {
  return {
    Exec: unary(p.ExecRequest, p.StreamResponse, async ({ containerId, cmd, ...wanted }) => {
      const { record } = await containers.find(containerId);
      return { url: await streams.offer({ kind: "exec", container: record.ID, command: cmd, ...wanted }) };
    }),
    Attach: unary(p.AttachRequest, p.StreamResponse, async ({ containerId, ...wanted }) => {
      const { record } = await containers.find(containerId);
      const tty = record.Config.Tty === true;
      return { url: await streams.offer({ kind: "attach", container: record.ID, ...wanted, tty }) };
    }),
    PortForward: unary(p.PortForwardRequest, p.StreamResponse, async ({ podSandboxId }) => {
      const { id } = daemon.pods.ready(podSandboxId);
      return { url: await streams.offer({ kind: "portforward", sandbox: id }) };
    }),
  };
}
