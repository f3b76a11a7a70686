export { driverNames, type DriverName } from "../driver/index.ts";
import type { Daemon, DaemonOptions } from "./daemon.ts";
export type { Daemon, DaemonOptions };
export { checkSettings } from "./check_settings.ts";
export type { DaemonSettings } from "./daemon_settings.ts";
export type { SwarmSpec, SwarmState } from "./swarm/swarm.ts";
export { Engine, openEngine, type EngineOptions, type RegistryUser } from "./engine.ts";
export type { Credentials } from "../remote/index.ts";
export type { EngineEvent, EventBus, EventType } from "./events/event_bus.ts";
export type { NewPod, PodRecord } from "./pods/pods.ts";
export { checkDetachKeys } from "./live/check_detach_keys.ts";
export type { LiveContainers } from "./live/live_containers.ts";
export type { Attachment, AttachStreams } from "./live/container_streams.ts";
export type { ConsoleSize } from "./live/exec/exec_process.ts";
export type { ExecInspect } from "./live/exec/exec_config.ts";
export type { ProcessCounts } from "./live/stats/process_counts.ts";
export type { ContainerStats } from "./live/stats/stats_shape.ts";
export type { ContainerExit, WaitCondition } from "./live/types.ts";
export { version } from "./version.ts";
export type { Waiting } from "./images/waiting.ts";
export type { HistoryLine } from "./images/history.ts";
export type { ImageInspect } from "./images/inspect.ts";
export type { ImageSummary, ListOptions } from "./images/list.ts";
export type { LoadResult } from "./images/load.ts";
export type { PruneResult } from "./images/prune.ts";
export type { PullResult } from "./images/pull.ts";
export type { PushResult } from "./images/push.ts";
export type { RemovedLine } from "./images/remove.ts";
export type { ForestNode } from "./images/tree.ts";
export type { ContainerInspect } from "./containers/inspect.ts";
export type { ContainerSummary } from "./containers/list.ts";
export type { PathStat } from "./containers/copy/place.ts";
export type { ContainerOverview } from "./containers/overview.ts";
export type { ContainerFilters } from "./containers/select_records.ts";
export { parseBind } from "./containers/mount_points.ts";
export { csvFields } from "./builds/flags/csv_fields.ts";
export { absoluteSource, parseMount } from "./containers/parse_mount.ts";
export type { VolumeFilter } from "./volumes/list_volumes.ts";
export type { PrunedVolumes } from "./volumes/prune_volumes.ts";
export type { LogRecord } from "../runtime/index.ts";
export type { LogsOptions } from "./containers/logs.ts";
export type { ContainerRecord, HostConfig } from "./containers/record.ts";
export type { BuildCacheItem } from "./system/build_cache.ts";
export type { ContainerUsage, DiskUsage, ImageUsage, Total as DiskUsageTotal } from "./system/disk_usage.ts";
export type { SystemInfo } from "./system/info.ts";
export type { MachineInfo, ProgramVersion } from "./system/machine.ts";
export type { MigrationResult, OptimizeReport } from "../store/index.ts";
export type { CreateOptions as CreateContainer } from "./containers/create.ts";
export type { EngineNetworks } from "./networks/index.ts";
export type { NetworkRequest } from "../network/index.ts";
export type { EndpointSettings } from "./containers/network_settings.ts";
export { tellContainer } from "./events/tell_container.ts";
export { publishedPorts } from "./containers/published_ports.ts";
export { hasLabel } from "./has_label.ts";
export { statusText } from "./containers/status_text.ts";
export { healthOf } from "./containers/health_of.ts";
export { isRuntimeName, isUsualRuntime } from "./containers/runtime_names.ts";
export { containerExitCode } from "./containers/exit_code.ts";
export { explain, explainedTopics, type ExplainedTopic, type Explanation } from "./explain.ts";
export { arriveInNamespace, enterNamespace, mountFreeDriver, type Arrival } from "./namespace/index.ts";
export { notifyService } from "../sys/index.ts";
export type { BuildEvent, StepId, StepRecord } from "../build/index.ts";
export { stepLimits } from "./builds/step_limits.ts";
export type { BuildOutcome, BuildRequest } from "./builds/types.ts";
export type { ClientContext, ContextPlace, OpenedContext, OpensTree } from "./builds/context/types.ts";
export { gitSource } from "./builds/asked_services.ts";
export { isRemoteContext } from "./builds/context/is_remote_context.ts";
export { parseAddHost } from "./builds/flags/parse_add_host.ts";
export { parseBuildArgs, parseLabels } from "./builds/flags/parse_build_args.ts";
export { parseCacheFrom, parseCacheTo } from "./builds/flags/parse_cache.ts";
export { parseOutput, type BuildOutput } from "./builds/flags/parse_output.ts";
export { parseSecret, parseSsh } from "./builds/flags/parse_secret.ts";
export { parseSquash, type SquashRange } from "./builds/flags/parse_squash.ts";
export { build, type LibraryBuild } from "./builds/build.ts";
export type { CommandExit, LineCost } from "../build/index.ts";
export type { Examined } from "./builds/examine.ts";

/** What only a daemon needs; as below, not among the exports above. */
export const openDaemon = async (options: DaemonOptions): Promise<Daemon> =>
  (await import("./daemon.ts")).Daemon.open(options);

export type BuilderTools = typeof import("./builds/tools.ts");

/** What stands on the builder. Not among the exports above, so that only commands that need it run its modules. */
export const loadBuilder = (): Promise<BuilderTools> => import("./builds/tools.ts");

export type TerminalTools = typeof import("./terminal.ts");

/** What a client's side of a container's terminal stands on. */
export const loadTerminalTools = (): Promise<TerminalTools> => import("./terminal.ts");

/** Loads what reads Docker's config at the first call. */
export const registryAuth = async (domain: string): Promise<string | undefined> =>
  (await import("./registry_auth.ts")).registryAuth(domain);
