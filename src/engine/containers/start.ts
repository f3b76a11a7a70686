/** `start -a` and `run`: a container in the foreground, from mount to exit (behaviours B007, B015, B088). */
import type { Readable, Writable } from "node:stream";
import { Failure } from "../../errors.ts";
import {
  runForeground,
  type ForegroundResult,
  type OciSpec,
  type RuntimePrograms,
} from "../../runtime/index.ts";
import type { Store } from "../../store/index.ts";
import type { EventBus } from "../events/event_bus.ts";
import { tellContainer } from "../events/tell_container.ts";
import type { ConnectedNetwork } from "../live/types.ts";
import { populateVolumes } from "../volumes/populate_volume.ts";
import { endRunMounts } from "../volumes/run_mounts.ts";
import { tellMounted, tellUnmounted } from "../volumes/volume_events.ts";
import { bundleDirectory } from "./bundle.ts";
import { LogTee } from "./log_tee.ts";
import { openLogWriter } from "./log_writer.ts";
import { keepMounted } from "./mounted_root.ts";
import { prepareRun, type PrepareOptions } from "./prepare.ts";
import { readHostConfig, readRecord, type ContainerRecord, type HostConfig } from "./record.ts";
import { ended, running } from "./record_changes.ts";
import { recordFailure } from "./record_failure.ts";
import { removeSupervised } from "./remove.ts";
import { settleRun } from "./settle.ts";
import { isAlive } from "./state.ts";
import { unlessSupervised } from "./supervision.ts";
import { updateRecord } from "./update_record.ts";

export interface StartOptions {
  readonly stdin: Readable;
  readonly stdout: Writable;
  readonly stderr: Writable;
  /** Whether standard input is passed on. */
  readonly interactive: boolean;
  readonly detachKeys?: string;
  /** Whether signals that this process gets are passed on to the container (default true). */
  readonly proxySignals?: boolean;
  readonly warn?: (text: string) => void;
  readonly signal: AbortSignal;
}

/**
 * Runs the container until it ends; returns its exit code (128 + n when signal n ended it). A container that cannot
 * be started throws; its record then says why, with Docker's code 126, 127 or 128.
 */
export async function startContainer(
  store: Store,
  found: ContainerRecord,
  options: StartOptions,
  events: EventBus,
): Promise<number> {
  checkStartable(found);
  if (process.geteuid?.() !== 0) {
    const { cannotRunHere } = await import("../namespace/unshare.ts");
    throw cannotRunHere(store.root, store.driver.name);
  }
  const code = await unlessSupervised(store, found.ID, async () => {
    // It may have been run, or removed, since it was looked at.
    const record = readRecord(store.root, found.ID);
    if (record === undefined) throw new Failure("not-found", `No such container: ${found.ID}`);
    checkStartable(record);
    await settleRun(store, record.ID);
    // Its making may have been broken off.
    return runSupervised(store, await populateVolumes(store, record), { ...options, events });
  });
  if (code !== undefined) return code;
  throw new Failure("conflict", `container ${found.ID} is being started or removed by another process`);
}

/** Throws `Failure("conflict")` for one that runs or is to go. */
export function checkStartable(record: ContainerRecord): void {
  if (isAlive(record)) throw new Failure("conflict", `container ${record.ID} is running already`);
  if (record.State.RemovalInProgress || record.State.Dead) {
    throw new Failure("conflict", "Container is marked for removal and cannot be started.");
  }
}

type ToldOptions = StartOptions & { readonly events: EventBus };

async function runSupervised(store: Store, record: ContainerRecord, options: ToldOptions): Promise<number> {
  const { events } = options;
  const hostConfig = readHostConfig(store.root, record.ID);
  let result: ForegroundResult;
  try {
    result = await runMounted(store, record, hostConfig, options);
  } catch (error) {
    await recordFailure(store, record.ID, error);
    if (hostConfig.AutoRemove) await removeEnded(store, record, events);
    throw error;
  }
  if (result.kind === "detached") return 0;
  const { exitCode: status, exitedAt, oomKilled } = result;
  await updateRecord(store, record.ID, ended({ status, exitedAt, oomKilled }));
  tellContainer(events, "die", record, { exitCode: String(result.exitCode) });
  tellUnmounted(events, record);
  if (hostConfig.AutoRemove) await removeEnded(store, record, events);
  return result.exitCode;
}

async function runMounted(
  store: Store,
  record: ContainerRecord,
  hostConfig: HostConfig,
  options: ToldOptions,
): Promise<ForegroundResult> {
  await using mount = new AsyncDisposableStack();
  const { events } = options;
  const network = await connectNetworks(store, record, hostConfig, events, mount);
  const { programs, spec, rootfs, points } = await prepareRun(store, record, hostConfig, {
    ...network,
    warn: options.warn,
  });
  mount.use(rootfs);
  mount.defer(() => endRunMounts(store, record));
  tellMounted(events, record, points);
  const result = await superviseRun(store, record, { ...options, ...network, programs, spec });
  // The container needs its mount and its networks on.
  if (result.kind === "detached") {
    mount.move();
    keepMounted(store, record.ID, rootfs);
  }
  return result;
}

type Network = Pick<PrepareOptions, "networkNamespace" | "etc"> & Partial<Pick<ConnectedNetwork, "settings">>;

/** Bridges only: the other modes need nothing of it. */
async function connectNetworks(
  store: Store,
  record: ContainerRecord,
  hostConfig: HostConfig,
  events: EventBus,
  undo: AsyncDisposableStack,
): Promise<Network> {
  const { NetworkMode } = hostConfig;
  if (/^(none|host|(container|pod):.*)$/.test(NetworkMode)) return {};
  const { ContainerNetworking } = await import("../networks/run_networking.ts");
  const networking = new ContainerNetworking(store, events);
  undo.defer(async () => void (await networking.disconnect(record.ID)));
  const { namespace, connected } = await networking.connect(record, hostConfig);
  const { etc, settings } = await connected;
  return { networkNamespace: namespace, etc, settings };
}

interface RunParts extends ToldOptions {
  readonly settings?: ConnectedNetwork["settings"];
  readonly programs: RuntimePrograms;
  readonly spec: OciSpec;
}

async function superviseRun(
  store: Store,
  record: ContainerRecord,
  parts: RunParts,
): Promise<ForegroundResult> {
  using log = new LogTee(openLogWriter(store, record, readHostConfig(store.root, record.ID)));
  let recording: Promise<unknown> = Promise.resolve();
  const result = await runForeground({
    programs: parts.programs,
    bundle: bundleDirectory(store.root, record.ID),
    id: record.ID,
    spec: parts.spec,
    interactive: parts.interactive,
    stdin: parts.stdin,
    stdout: log.tee("stdout", parts.stdout),
    stderr: log.tee("stderr", parts.stderr),
    ...(parts.proxySignals !== undefined && { proxySignals: parts.proxySignals }),
    ...(parts.detachKeys !== undefined && { detachKeys: parts.detachKeys }),
    signal: parts.signal,
    onStarted: (pid) => {
      recording = updateRecord(store, record.ID, running({ pid, settings: parts.settings }));
      // Its failure is met where it is awaited below.
      recording.catch(() => undefined);
      tellContainer(parts.events, "start", record);
    },
  });
  await recording;
  return result;
}

async function removeEnded(store: Store, record: ContainerRecord, events: EventBus): Promise<void> {
  await removeSupervised(store, record.ID, { volumes: true, events });
  tellContainer(events, "destroy", record);
}
