/** `inspect` of a container, field by field as Docker 20.10 prints it (behaviours B086). */
import type { ContainerConfig } from "../../oci/index.ts";
import type { Store } from "../../store/index.ts";
import { mountsShown } from "./mounts_shown.ts";
import { shownSettings } from "../networks/endpoint_settings.ts";
import { linksShown } from "../networks/links.ts";
import { readHostConfig, type ContainerRecord, type HostConfig } from "./record.ts";
import { containerSizes } from "./size.ts";
import { reconcile, statusOf } from "./state.ts";
import { whileThere } from "./while_there.ts";

export interface ContainerInspect {
  readonly Id: string;
  readonly Created: string;
  readonly Path: string;
  readonly Args: readonly string[];
  readonly State: object;
  readonly Image: string;
  readonly Name: string;
  readonly HostConfig: HostConfig;
  readonly GraphDriver: { readonly Data: Readonly<Record<string, string>> | null; readonly Name: string };
  readonly SizeRw?: number;
  readonly SizeRootFs?: number;
  readonly Mounts: readonly object[];
  readonly Config: ContainerConfig;
  readonly NetworkSettings: object;
  readonly [other: string]: unknown;
}

/** @throws Failure("not-found") for one that is removed meanwhile */
export async function inspectContainer(
  store: Store,
  found: ContainerRecord,
  options: { readonly size?: boolean } = {},
): Promise<ContainerInspect> {
  const record = await reconcile(store, found);
  return whileThere(store, record.ID, () => shown(store, record, options));
}

async function shown(
  store: Store,
  record: ContainerRecord,
  options: { readonly size?: boolean },
): Promise<ContainerInspect> {
  const layer = await store.containers.get(record.ID);
  const hostConfig = readHostConfig(store.root, record.ID);
  return {
    Id: record.ID,
    Created: record.Created,
    Path: record.Path,
    Args: record.Args,
    State: stateShown(record),
    Image: record.Image,
    ResolvConfPath: record.ResolvConfPath,
    HostnamePath: record.HostnamePath,
    HostsPath: record.HostsPath,
    LogPath: record.LogPath,
    Name: record.Name,
    RestartCount: record["RestartCount"] ?? 0,
    Driver: record.Driver,
    Platform: record.OS,
    MountLabel: record["MountLabel"] ?? "",
    ProcessLabel: record["ProcessLabel"] ?? "",
    AppArmorProfile: record["AppArmorProfile"] ?? "",
    ExecIDs: null,
    HostConfig: { ...hostConfig, Links: await linksShown(store, record, hostConfig) },
    GraphDriver: {
      Data: layer === undefined ? null : await store.driver.graphData(layer.mountId),
      Name: record.Driver,
    },
    ...(options.size === true && (await sizesShown(store, record.ID))),
    Mounts: mountsShown(store, record),
    Config: record.Config,
    NetworkSettings: shownSettings(record.NetworkSettings),
  };
}

function stateShown(record: ContainerRecord): object {
  const { Running, Paused, Restarting, OOMKilled, Dead, Pid, ExitCode, StartedAt, FinishedAt } = record.State;
  const { Health } = record.State;
  const Status = statusOf(record);
  return {
    Status,
    Running,
    Paused,
    Restarting,
    OOMKilled,
    Dead,
    Pid,
    ExitCode,
    Error: record.State.Error,
    StartedAt,
    FinishedAt,
    ...(Health && { Health }),
  };
}

async function sizesShown(store: Store, id: string): Promise<{ SizeRw: number; SizeRootFs: number }> {
  const { sizeRw, sizeRootFs } = await containerSizes(store, id);
  return { SizeRw: sizeRw, SizeRootFs: sizeRootFs };
}
