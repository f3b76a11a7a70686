/** `create`: a container's record and its writable layer; nothing runs yet (behaviours B007, B008). */
import { randomBytes } from "node:crypto";
import { hostname } from "node:os";
import { Failure } from "../../errors.ts";
import { topChain } from "../../image/index.ts";
import { goContainerConfig, type ContainerConfig } from "../../oci/index.ts";
import { containersLock, type Store, type StoredImage } from "../../store/index.ts";
import type { EventBus } from "../events/event_bus.ts";
import { isUserDefined } from "../networks/wanted_networks.ts";
import { goTime } from "../time.ts";
import { withVolumes, type ClaimedMounts } from "../volumes/claim_volumes.ts";
import { populateVolumes } from "../volumes/populate_volume.ts";
import { adaptHostConfig } from "./adapt_host_config.ts";
import { checkConfig } from "./check_config.ts";
import { checkConflicts } from "./check_conflicts.ts";
import { checkHostConfig } from "./check_host_config.ts";
import { defaultHostConfig } from "./host_config.ts";
import { joinedContainer, modesById } from "./joined_namespaces.ts";
import { linkedContainer } from "./linked_container.ts";
import { logConfigOf } from "./log_writer.ts";
import { mergeConfig } from "./merge_config.ts";
import { findMountedImages, mountedTops } from "./image_mounts.ts";
import { flatReadOnly, mountPoints } from "./mount_points.ts";
import { readMountSpec } from "./mount_spec.ts";
import { freeName, randomName } from "./names.ts";
import { checkEndpoints, newNetworkSettings, type EndpointsConfig } from "./network_settings.ts";
import {
  containerDirectory,
  findRecord,
  listRecords,
  makeContainerDirectory,
  never,
  removeContainerDirectory,
  writeHostConfig,
  writeRecord,
  type ContainerRecord,
  type HostConfig,
} from "./record.ts";
import { removeSupervised } from "./remove.ts";
import { followRoot } from "./root_binds.ts";
import { runtimeNamed } from "./runtimes.ts";
import { noSecurityOptions, securityOnRecord, type SecurityOptions } from "./security_options.ts";
import { whileSupervising } from "./supervision.ts";
import { mayLackDirectory, makeWorkingDirectory } from "./working_directory.ts";

export interface CreateOptions {
  /** As the user wrote it; goes into `Config.Image`. */
  readonly imageName: string;
  readonly image: StoredImage;
  /** Default: a random name. */
  readonly name?: string;
  /** What the user set; what is absent comes from the image. */
  readonly config: ContainerConfig;
  readonly hostConfig: Partial<HostConfig>;
  /** Networks by name and the place that it is to have in them; default: that of the network mode. */
  readonly endpoints?: EndpointsConfig;
  /** Whether what is mounted below a read-only mount stays as it is. Default: no. */
  readonly flatReadOnly?: boolean;
  /** Holds where `SecurityOpt` says nothing; not shown with the container. Default: the usual protection. */
  readonly security?: SecurityOptions;
  /** Takes what was asked for and does nothing here, in Docker's words. */
  readonly warn?: (text: string) => void;
}

/**
 * Makes the container, and the volumes that it asks for. Throws `Failure("conflict")` for a name in use,
 * `Failure("invalid")` for a bad one.
 * @param events told of volumes
 */
export async function createContainer(
  store: Store,
  options: CreateOptions,
  events?: EventBus,
): Promise<ContainerRecord> {
  const id = randomBytes(32).toString("hex");
  checkConfig(options.config);
  const config = mergeConfig(options.config, options.image.config.config ?? {});
  const command = [...(config.Entrypoint ?? []), ...(config.Cmd ?? [])];
  if (command.length === 0) throw new Failure("invalid", "No command specified");
  const hostConfig = await checkedHostConfig(store, options);
  const asked = await mountPoints(config, hostConfig, (text) => findRecord(store.root, text));
  const planned = (await findMountedImages(store, id, asked)).map((mount) => {
    const point = followRoot(mount.point, store.root);
    return { ...mount, point: options.flatReadOnly === true ? flatReadOnly(point) : point };
  });
  const make = (): Promise<ContainerRecord> =>
    store.withLock(containersLock, async () => {
      const name = chooseName(options.name, await listRecords(store.root));
      const { image, security = noSecurityOptions } = options;
      const parts = { id, name, config, command, image, hostConfig, security };
      const networks = networksOf(options, hostConfig);
      return withVolumes(store, planned, events, (mounts) =>
        writeContainer(store, newRecord(store, { ...parts, networks, mounts }), hostConfig, options.image),
      );
    });
  const needsDirectory = await mayLackDirectory(store, options.image, config.WorkingDir ?? "");
  const isFilled = needsDirectory || planned.some(({ copy }) => copy);
  return isFilled ? makeAndFill(store, id, make, { needsDirectory, events }) : make();
}

async function writeContainer(
  store: Store,
  record: ContainerRecord,
  hostConfig: HostConfig,
  image: StoredImage,
): Promise<ContainerRecord> {
  const { ID: id } = record;
  try {
    await makeContainerDirectory(store.root, id);
    await writeHostConfig(store.root, id, hostConfig);
    await store.containers.create(id, topChain(image), {
      durable: !hostConfig.AutoRemove,
      mountedTops: mountedTops(record.MountPoints),
    });
    await writeRecord(store.root, record);
  } catch (error) {
    await removeContainerDirectory(store.root, id);
    throw error;
  }
  return record;
}

/** Nobody starts the container before its volumes have what the image has; others are made meanwhile. */
function makeAndFill(
  store: Store,
  id: string,
  make: () => Promise<ContainerRecord>,
  { needsDirectory, events }: { readonly needsDirectory: boolean; readonly events: EventBus | undefined },
): Promise<ContainerRecord> {
  return whileSupervising(store, id, async () => {
    const record = await make();
    try {
      if (needsDirectory) await makeWorkingDirectory(store, record);
      return await populateVolumes(store, record);
    } catch (error) {
      await removeSupervised(store, id, { volumes: true, ...(events !== undefined && { events }) });
      throw error;
    }
  });
}

async function checkedHostConfig(store: Store, options: CreateOptions): Promise<HostConfig> {
  const { config, hostConfig: given, endpoints = {}, warn } = options;
  checkConflicts(config, given, endpoints);
  for (const warning of checkHostConfig({ ...defaultHostConfig(), ...given })) warn?.(warning);
  runtimeNamed(store.root, given.Runtime ?? "");
  logConfigOf(given);
  checkEndpoints(endpoints);
  for (const mode of [given.IpcMode, given.PidMode]) await checkJoined(store, joinedContainer(mode));
  // On networks with names one that comes later is found by its name.
  const links = isUserDefined(given.NetworkMode ?? "") ? [] : ((given["Links"] ?? []) as string[]);
  for (const link of links) await linkedContainer(store.root, link.split(":", 1)[0] as string);
  const { Mounts } = given;
  const named = { ...given, ...(await modesById(store.root, given)) };
  return adaptHostConfig(Mounts ? { ...named, Mounts: Mounts.map(readMountSpec) } : named);
}

/** Docker's status for one that is not there says that the request is wrong. */
async function checkJoined(store: Store, container: string | undefined): Promise<void> {
  if (container === undefined) return;
  try {
    await findRecord(store.root, container);
  } catch (cause) {
    throw new Failure("invalid", `No such container: ${container}`, { cause });
  }
}

function networksOf({ config, endpoints = {}, name }: CreateOptions, { NetworkMode }: HostConfig) {
  const disabled = config.NetworkDisabled === true;
  return newNetworkSettings(NetworkMode, endpoints, { disabled, anonymous: name === undefined });
}

function chooseName(wanted: string | undefined, records: readonly ContainerRecord[]): string {
  if (wanted === undefined) return randomName(new Set(records.map((record) => record.Name.slice(1))));
  return freeName(wanted, records);
}

interface RecordParts {
  readonly id: string;
  readonly name: string;
  readonly config: ContainerConfig;
  readonly command: readonly string[];
  readonly image: StoredImage;
  readonly hostConfig: HostConfig;
  readonly security: SecurityOptions;
  readonly networks: Record<string, unknown>;
  readonly mounts: ClaimedMounts;
}

function newRecord(store: Store, parts: RecordParts): ContainerRecord {
  const { id, name, config, command, image, hostConfig } = parts;
  const directory = containerDirectory(store.root, id);
  return {
    StreamConfig: {},
    State: {
      Running: false,
      Paused: false,
      Restarting: false,
      OOMKilled: false,
      RemovalInProgress: false,
      Dead: false,
      Pid: 0,
      ExitCode: 0,
      Error: "",
      StartedAt: never,
      FinishedAt: never,
      Health: null,
    },
    ID: id,
    Created: goTime(Date.now()),
    Managed: false,
    Path: command[0] as string,
    Args: command.slice(1),
    Config: goContainerConfig({
      ...config,
      Hostname: config.Hostname || (hostConfig.NetworkMode === "host" ? hostname() : id.slice(0, 12)),
    }),
    Image: image.id,
    NetworkSettings: parts.networks,
    LogPath: logPathOfNew(hostConfig, `${directory}/${id}-json.log`),
    Name: `/${name}`,
    Driver: store.driver.name,
    OS: "linux",
    MountLabel: "",
    ProcessLabel: "",
    RestartCount: 0,
    HasBeenStartedBefore: false,
    HasBeenManuallyStopped: false,
    MountPoints: parts.mounts.points,
    ...(parts.mounts.toFill.length > 0 && { VolumesToFill: parts.mounts.toFill }),
    SecretReferences: null,
    ConfigReferences: null,
    AppArmorProfile: "",
    HostnamePath: `${directory}/hostname`,
    HostsPath: `${directory}/hosts`,
    ShmPath: "",
    ResolvConfPath: `${directory}/resolv.conf`,
    ...securityOnRecord(hostConfig, parts.security),
    LocalLogCacheMeta: { HaveNotifyEnabled: false },
  };
}

/** Docker names no other driver's; `cri` is none of its own. */
function logPathOfNew(hostConfig: HostConfig, jsonFile: string): string {
  const { driver, options } = logConfigOf(hostConfig);
  if (driver === "json-file") return jsonFile;
  return driver === "cri" ? (options["path"] ?? "") : "";
}
