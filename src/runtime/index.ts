/** Containers: config.json from image and options, the shim and runc, stdio, signals, exit. */
export {
  containerCapabilities,
  defaultCapabilities,
  heldCapabilities,
  type CapabilityChoice,
} from "./capabilities.ts";
export {
  containerArgs,
  containerEnv,
  mergeCommand,
  mergeEnv,
  type CommandChoice,
} from "./container_command.ts";
export type { DeviceMapping } from "./container_devices.ts";
export * from "./container_files.ts";
export type { BlockLimits, DeviceValue } from "./block_limits.ts";
export { checkLimits, type ContainerLimits } from "./container_limits.ts";
export type { BindMount, FileMounts } from "./container_mounts.ts";
export * from "./container_spec.ts";
export { containerUser, type AccountFiles, type GroupMembership } from "./container_user.ts";
export { DetachFilter, defaultDetachKeys, parseDetachKeys } from "./detach_keys.ts";
export type { ExecOptions, ExecStreams, ExecTask } from "./exec_task.ts";
export * from "./find_runtime.ts";
export { idleProgram } from "./idle_program.ts";
export { hostCgroups, type HostCgroups } from "./host_cgroups.ts";
export type * from "./oci_spec.ts";
export * from "./output/index.ts";
export { oomCounterOf, wasOutOfMemory } from "./oom.ts";
export { rawMode } from "./raw_mode.ts";
export { readRootFile } from "./root_file.ts";
export { detachedProcess, runDetached } from "./run_detached.ts";
export * from "./run_foreground.ts";
export { removeLeftovers, runOnce, stateFolder, type RunOnceOptions, type RunOncePlace } from "./run_once.ts";
export { exitCodeOfFailure } from "./runtime_failure.ts";
export { seccompProfile, type SeccompArchitecture } from "./seccomp.ts";
export { ShimTask } from "./shim_task.ts";
export type { CreateTaskOptions, TaskStreams } from "./task_bundle.ts";
export type { ShimPlace } from "./shim_process.ts";
export { proxiedSignals, proxySignals } from "./signal_proxy.ts";
export type { TaskExit, TaskState, TaskStatus } from "./task_service.ts";
