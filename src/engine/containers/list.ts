/** `ps`: containers as a list (behaviours B095). */
import type { Store } from "../../store/index.ts";
import { imageDisplayName } from "./create.ts";
import { publishedPorts, type PublishedPort } from "./published_ports.ts";
import { listRecords, type ContainerRecord } from "./record.ts";
import { containerSizes } from "./size.ts";
import { reconcile, statusOf, type Status } from "./state.ts";

export interface ListContainersOptions {
  /** Also those that do not run. */
  readonly all?: boolean;
  /** Also `sizeRw` and `sizeRootFs`, which takes a walk over each writable layer. */
  readonly size?: boolean;
}

export interface ContainerSummary {
  readonly id: string;
  /** Without slash. */
  readonly name: string;
  /** As given at creation while that name still leads to the image, else the image's 12 digits (B094). */
  readonly image: string;
  readonly imageId: string;
  readonly command: string;
  /** RFC 3339. */
  readonly created: string;
  readonly status: Status;
  /** Of one with a health check: `starting`, `healthy` or `unhealthy`. */
  readonly health?: string;
  readonly ports: readonly PublishedPort[];
  readonly exitCode: number;
  readonly startedAt: string;
  readonly finishedAt: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly network: string;
  readonly mounts: readonly string[];
  /** Bytes of the writable layer, and of that and the image together. */
  readonly sizeRw?: number;
  readonly sizeRootFs?: number;
}

/** Newest first. */
export async function listContainers(
  store: Store,
  options: ListContainersOptions = {},
): Promise<ContainerSummary[]> {
  const summaries: ContainerSummary[] = [];
  for (const found of await listRecords(store.root)) {
    const record = await reconcile(store, found);
    if (options.all !== true && !record.State.Running) continue;
    summaries.push(await summarise(store, record, options.size === true));
  }
  return summaries;
}

async function summarise(
  store: Store,
  record: ContainerRecord,
  withSize: boolean,
): Promise<ContainerSummary> {
  const { Status: health = "none" } = (record.State.Health ?? {}) as { readonly Status?: string };
  return {
    id: record.ID,
    name: record.Name.slice(1),
    image: await imageDisplayName(store, record),
    imageId: record.Image,
    command: commandText(record),
    created: record.Created,
    status: statusOf(record),
    ...(health !== "none" && health !== "" && { health }),
    ports: record.State.Running ? publishedPorts(record) : [],
    exitCode: record.State.ExitCode,
    startedAt: record.State.StartedAt,
    finishedAt: record.State.FinishedAt,
    labels: record.Config.Labels ?? {},
    network: Object.keys((record.NetworkSettings["Networks"] as object | undefined) ?? {}).join(","),
    mounts: Object.values(record.MountPoints ?? {}).map((point) => point.Name || point.Source),
    ...(withSize && (await containerSizes(store, record.ID))),
  };
}

/** Docker quotes arguments that hold a blank with single quotes. */
function commandText(record: ContainerRecord): string {
  return [record.Path, ...record.Args].map((word) => (word.includes(" ") ? `'${word}'` : word)).join(" ");
}
