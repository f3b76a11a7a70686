/** `ps`: containers as a list (behaviours B095). */
import type { Store } from "../../store/index.ts";
import { commandText } from "./command_text.ts";
import { healthOf } from "./health_of.ts";
import { imageDisplayName } from "./image_as_asked.ts";
import { publishedPorts, type PublishedPort } from "./published_ports.ts";
import { listRecords, type ContainerRecord } from "./record.ts";
import { selectRecords, type ContainerSelection } from "./select_records.ts";
import { containerSizes } from "./size.ts";
import { reconcile, statusOf, type Status } from "./state.ts";

export interface ListContainersOptions extends ContainerSelection {
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

/** Newest first. @throws what `selectRecords` throws */
export async function listContainers(
  store: Store,
  options: ListContainersOptions = {},
): Promise<ContainerSummary[]> {
  const records: ContainerRecord[] = [];
  for (const found of await listRecords(store.root)) records.push(await reconcile(store, found));
  const summaries: ContainerSummary[] = [];
  for (const record of await selectRecords(store, records, options)) {
    summaries.push(await summarise(store, record, options.size === true));
  }
  return summaries;
}

async function summarise(
  store: Store,
  record: ContainerRecord,
  withSize: boolean,
): Promise<ContainerSummary> {
  const health = healthOf(record.State);
  return {
    id: record.ID,
    name: record.Name.slice(1),
    image: await imageDisplayName(store, record),
    imageId: record.Image,
    command: commandText(record),
    created: record.Created,
    status: statusOf(record),
    ...(health !== undefined && { health }),
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
