/**
 * What Docker keeps of a container on disk: `containers/<id>/config.v2.json` and `hostconfig.json` (behaviours B154).
 * Keys are Docker's; unknown ones survive a rewrite, so dockerd and varve can take turns on one root.
 */
import { chmodSync, existsSync, readFileSync, readdirSync } from "node:fs";
import { mkdir, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { Failure, type FailureOptions } from "../../errors.ts";
import { goJson, type ChainId, type ContainerConfig, type ImageId } from "../../oci/index.ts";
import type { GroupMembership } from "../../runtime/index.ts";
import type { MountSpec } from "../../wire/index.ts";
import { newestFirst } from "../time.ts";

export interface ContainerState {
  Running: boolean;
  Paused: boolean;
  Restarting: boolean;
  OOMKilled: boolean;
  RemovalInProgress: boolean;
  Dead: boolean;
  Pid: number;
  ExitCode: number;
  Error: string;
  /** RFC 3339; Go's zero time when it never happened. */
  StartedAt: string;
  FinishedAt: string;
  Health: object | null;
}

export interface ContainerRecord {
  StreamConfig: object;
  State: ContainerState;
  ID: string;
  Created: string;
  Managed: boolean;
  Path: string;
  Args: string[];
  Config: ContainerConfig;
  Image: ImageId;
  NetworkSettings: Record<string, unknown>;
  LogPath: string;
  /** With a leading slash. */
  Name: string;
  Driver: string;
  OS: string;
  HostnamePath: string;
  HostsPath: string;
  ResolvConfPath: string;
  HasBeenStartedBefore: boolean;
  MountPoints: Record<string, MountPoint>;
  /** What its own options and, where they say nothing, those of its daemon ask for. */
  NoNewPrivileges?: boolean;
  /** The text of a profile, `unconfined`; "": the default one. */
  SeccompProfile?: string;
  /** Ours: destinations of volumes that still wait for the image's content. */
  VolumesToFill?: readonly string[];
  [unknown: string]: unknown;
}

/** What is mounted in a container: a host path, a volume, an image, a tmpfs. */
export interface MountPoint {
  /** A host path, of an image the one where it is while the container runs; empty for a volume that the image asks for. */
  Source: string;
  Destination: string;
  RW: boolean;
  Name: string;
  Driver: string;
  Type: "bind" | "volume" | "tmpfs" | "image";
  /** The mode as it was written: Docker's key for it is older than its use. */
  Relabel?: string;
  /** Ours: top of the mounted image's layers; absent where it has none. */
  ImageTop?: ChainId;
  /** Of binds and images. */
  Propagation?: string;
  /** As it was asked for. */
  Spec?: MountSpec;
  /** A bind's source is not made where it is missing. */
  SkipMountpointCreation?: boolean;
  [unknown: string]: unknown;
}

export interface HostConfig {
  Binds: string[] | null;
  NetworkMode: string;
  AutoRemove: boolean;
  CapAdd: string[] | null;
  CapDrop: string[] | null;
  Dns: string[];
  ExtraHosts: string[] | null;
  Privileged: boolean;
  ReadonlyRootfs: boolean;
  SecurityOpt: string[] | null;
  ShmSize: number;
  CpuShares: number;
  Memory: number;
  MemorySwap: number;
  NanoCpus: number;
  PidsLimit: number | null;
  Tmpfs?: Record<string, string>;
  Mounts?: readonly MountSpec[] | null;
  VolumesFrom?: string[] | null;
  VolumeDriver?: string;
  /** The name of an OCI runtime. */
  Runtime?: string;
  Init?: boolean;
  PidMode?: string;
  IpcMode?: string;
  UTSMode?: string;
  CgroupnsMode?: string;
  CgroupParent?: string;
  GroupAdd?: string[] | null;
  /** Ours alone: pods' containers have it. */
  GroupMembership?: GroupMembership;
  Devices?: { PathOnHost: string; PathInContainer: string; CgroupPermissions: string }[] | null;
  DeviceCgroupRules?: string[] | null;
  Ulimits?: { Name: string; Soft: number; Hard: number }[] | null;
  Sysctls?: Record<string, string> | null;
  /** Rows, then columns. */
  ConsoleSize?: [number, number];
  MaskedPaths?: string[] | null;
  ReadonlyPaths?: string[] | null;
  CpuPeriod?: number;
  CpuQuota?: number;
  CpusetCpus?: string;
  CpusetMems?: string;
  MemoryReservation?: number;
  MemorySwappiness?: number | null;
  /** Microseconds. */
  CpuRealtimePeriod?: number;
  CpuRealtimeRuntime?: number;
  BlkioWeight?: number;
  BlkioWeightDevice?: { Path: string; Weight: number }[] | null;
  BlkioDeviceReadBps?: ThrottledDevice[] | null;
  BlkioDeviceWriteBps?: ThrottledDevice[] | null;
  BlkioDeviceReadIOps?: ThrottledDevice[] | null;
  BlkioDeviceWriteIOps?: ThrottledDevice[] | null;
  OomScoreAdj?: number;
  OomKillDisable?: boolean | null;
  [unknown: string]: unknown;
}

/** Bytes or operations a second of one block device. */
interface ThrottledDevice {
  Path: string;
  Rate: number;
}

/** Go's zero time. */
export const never = "0001-01-01T00:00:00Z";

export function containersDirectory(root: string): string {
  return join(root, "containers");
}

/** The container's own directory. */
export function containerDirectory(root: string, id: string): string {
  return join(containersDirectory(root), id);
}

/** All containers of the root, newest first. A directory without a readable record (a crash's left-over) is passed over. */
export async function listRecords(root: string): Promise<ContainerRecord[]> {
  const directory = containersDirectory(root);
  if (!existsSync(directory)) return [];
  const records: ContainerRecord[] = [];
  for (const id of readdirSync(directory)) {
    const record = readRecord(root, id);
    if (record !== undefined) records.push(record);
  }
  return newestFirst(records, ({ Created, ID }) => ({ created: Created, id: ID }));
}

/** The record, or undefined where there is none that can be read. */
export function readRecord(root: string, id: string): ContainerRecord | undefined {
  const path = join(containerDirectory(root, id), "config.v2.json");
  try {
    const record = JSON.parse(readFileSync(path, "utf8")) as ContainerRecord;
    return record.ID === id && record.State !== undefined ? record : undefined;
  } catch {
    return undefined;
  }
}

/** @throws Failure("not-found") for a container that has gone */
export function readHostConfig(root: string, id: string): HostConfig {
  const path = join(containerDirectory(root, id), "hostconfig.json");
  try {
    return JSON.parse(readFileSync(path, "utf8")) as HostConfig;
  } catch (cause) {
    const hasGone = (cause as NodeJS.ErrnoException).code === "ENOENT" && readRecord(root, id) === undefined;
    if (!hasGone) throw cause;
    throw noSuchContainer(id, { cause });
  }
}

/**
 * Writes beside, syncs, renames: a reader sees the old record or the new one. What becomes of a container that goes when
 * it ends is not flushed: a loss of power ends it.
 */
export async function writeRecord(root: string, record: ContainerRecord): Promise<void> {
  const path = join(containerDirectory(root, record.ID), "config.v2.json");
  await writeJson(path, record, {
    mode: 0o600,
    flush: !existsSync(path) || !goesWhenItEnds(root, record.ID),
  });
}

function goesWhenItEnds(root: string, id: string): boolean {
  try {
    return readHostConfig(root, id).AutoRemove;
  } catch {
    return false;
  }
}

export async function writeHostConfig(root: string, id: string, config: HostConfig): Promise<void> {
  await writeJson(join(containerDirectory(root, id), "hostconfig.json"), config, {
    mode: 0o644,
    flush: true,
  });
}

interface HowToWrite {
  readonly mode: number;
  readonly flush: boolean;
}

async function writeJson(path: string, value: unknown, { mode, flush }: HowToWrite): Promise<void> {
  const beside = `${path}.tmp-${process.pid}`;
  await writeFile(beside, `${goJson(value)}\n`, { mode, flush });
  chmodSync(beside, mode);
  await rename(beside, path);
}

/** Makes the container's directory as Docker has it (modes: behaviours B154). */
export async function makeContainerDirectory(root: string, id: string): Promise<string> {
  const directory = containerDirectory(root, id);
  await mkdir(containersDirectory(root), { recursive: true });
  chmodSync(containersDirectory(root), 0o710);
  await mkdir(directory);
  chmodSync(directory, 0o710);
  for (const [name, mode] of [
    ["checkpoints", 0o700],
    ["mounts", 0o710],
  ] as const) {
    await mkdir(join(directory, name));
    chmodSync(join(directory, name), mode);
  }
  return directory;
}

/** The record goes first: whoever finds one finds all that belongs to it. */
export async function removeContainerDirectory(root: string, id: string): Promise<void> {
  const directory = containerDirectory(root, id);
  await rm(join(directory, "config.v2.json"), { force: true });
  await rm(directory, { recursive: true, force: true });
}

/**
 * Finds a container by ID, name or unique ID prefix. Throws `Failure("not-found")`: `No such container: x`, and
 * `Failure("invalid")` when a prefix fits several.
 */
export async function findRecord(root: string, text: string): Promise<ContainerRecord> {
  const exact = /^[0-9a-f]{64}$/.test(text) ? readRecord(root, text) : undefined;
  if (exact !== undefined) return exact;
  const records = await listRecords(root);
  const named = records.find((record) => record.Name === `/${text.replace(/^\//, "")}`);
  if (named !== undefined) return named;
  const matches = text === "" ? [] : records.filter((record) => record.ID.startsWith(text));
  if (matches.length > 1) {
    throw new Failure("invalid", `Multiple IDs found with provided prefix: ${text}`);
  }
  const [match] = matches;
  if (match === undefined) throw noSuchContainer(text);
  return match;
}

export function noSuchContainer(text: string, options?: FailureOptions): Failure {
  return new Failure("not-found", `No such container: ${text}`, options);
}
