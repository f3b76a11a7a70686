/** `start -a` and `run`: a container in the foreground, from mount to exit (behaviours B007, B015, B088). */
import type { Readable, Writable } from "node:stream";
import { Failure } from "../../errors.ts";
import {
  exitCodeOfFailure,
  findRuntime,
  runForeground,
  writeContainerFiles,
  type ForegroundResult,
  type OciSpec,
} from "../../runtime/index.ts";
import type { Store } from "../../store/index.ts";
import { goTime } from "../time.ts";
import { bundleDirectory } from "./bundle.ts";
import { makeBindSources } from "./bind_sources.ts";
import { openLog } from "./json_log.ts";
import {
  containerDirectory,
  readHostConfig,
  writeRecord,
  type ContainerRecord,
  type HostConfig,
} from "./record.ts";
import { removeSupervised } from "./remove.ts";
import { hostEntries, specOf } from "./spec.ts";
import { reconcile } from "./state.ts";
import { whileSupervising } from "./supervision.ts";

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
): Promise<number> {
  const record = await reconcile(store, found);
  if (record.State.Running) throw new Failure("conflict", `container ${record.ID} is running already`);
  if (record.State.RemovalInProgress) {
    throw new Failure("conflict", "Container is marked for removal and cannot be started.");
  }
  return whileSupervising(store, record.ID, () => runSupervised(store, record, options), options.signal);
}

async function runSupervised(store: Store, record: ContainerRecord, options: StartOptions): Promise<number> {
  const programs = await findRuntime();
  const hostConfig = readHostConfig(store.root, record.ID);
  const result = await withStateOnFailure(store, record, async () => {
    await using rootfs = await store.containers.mount(record.ID);
    const files = await writeContainerFiles(containerDirectory(store.root, record.ID), {
      hostname: record.Config.Hostname ?? "",
      hostNetwork: hostConfig.NetworkMode === "host",
      extraHosts: hostEntries(hostConfig),
      dns: hostConfig.Dns ?? [],
    });
    await makeBindSources(record);
    const spec = specOf(record, hostConfig, { rootfs: rootfs.path, files, warn: options.warn });
    // Awaited here: the mount lives as long as this block.
    return await superviseRun(store, record, { ...options, programs, spec });
  });
  if (result.kind === "detached") return 0;
  await afterExit(store, record, hostConfig, result);
  return result.exitCode;
}

interface RunParts extends StartOptions {
  readonly programs: Awaited<ReturnType<typeof findRuntime>>;
  readonly spec: OciSpec;
}

async function superviseRun(
  store: Store,
  record: ContainerRecord,
  parts: RunParts,
): Promise<ForegroundResult> {
  await using log = await openLog(record.LogPath);
  let recording: Promise<void> = Promise.resolve();
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
      recording = writeRecord(store.root, {
        ...record,
        HasBeenStartedBefore: true,
        State: {
          ...record.State,
          Running: true,
          Pid: pid,
          ExitCode: 0,
          Error: "",
          StartedAt: goTime(Date.now()),
        },
      });
      // Its failure is met where it is awaited below.
      recording.catch(() => undefined);
    },
  });
  await recording;
  return result;
}

/** A start that failed is part of the record, as `ps -a` and `inspect` show it. */
async function withStateOnFailure<T>(
  store: Store,
  record: ContainerRecord,
  work: () => Promise<T>,
): Promise<T> {
  try {
    return await work();
  } catch (error) {
    const code = exitCodeOfFailure(error);
    const State = {
      ...record.State,
      ExitCode: code === 125 ? 128 : code,
      Error: error instanceof Error ? error.message : String(error),
    };
    await writeRecord(store.root, { ...record, State });
    throw error;
  }
}

async function afterExit(
  store: Store,
  record: ContainerRecord,
  hostConfig: HostConfig,
  result: Extract<ForegroundResult, { kind: "exited" }>,
): Promise<void> {
  const ended: ContainerRecord = {
    ...record,
    HasBeenStartedBefore: true,
    State: {
      ...record.State,
      Running: false,
      Pid: 0,
      ExitCode: result.exitCode,
      Error: "",
      OOMKilled: result.oomKilled,
      StartedAt: goTime(result.startedAt.getTime()),
      FinishedAt: goTime(result.exitedAt.getTime()),
    },
  };
  await writeRecord(store.root, ended);
  if (hostConfig.AutoRemove) await removeSupervised(store, ended.ID);
}
