/** What lists of containers are made of: records that are true, with what stands beside them. */
import type { Store } from "../../store/index.ts";
import { commandText } from "./command_text.ts";
import { imageAsAsked } from "./image_as_asked.ts";
import { mountsShown } from "./mounts_shown.ts";
import { listRecords, readHostConfig, type ContainerRecord, type HostConfig } from "./record.ts";
import { selectRecords, type ContainerSelection } from "./select_records.ts";
import { reconcile, statusOf, type Status } from "./state.ts";

export interface ContainerOverview {
  readonly record: ContainerRecord;
  readonly hostConfig: HostConfig;
  readonly status: Status;
  readonly command: string;
  /** As given at creation while that still leads to the image, else the image's ID (B094). */
  readonly imageName: string;
  /** As Docker shows them. */
  readonly mounts: readonly object[];
  readonly networks: Readonly<Record<string, object>>;
}

/** Newest first. One that goes meanwhile is passed over. @throws what `selectRecords` throws */
export async function overviewOfContainers(
  store: Store,
  selection: ContainerSelection,
): Promise<ContainerOverview[]> {
  const records: ContainerRecord[] = [];
  for (const found of await listRecords(store.root)) records.push(await reconcile(store, found));
  const all: ContainerOverview[] = [];
  for (const record of await selectRecords(store, records, selection)) {
    const hostConfig = hostConfigIfThere(store, record.ID);
    if (hostConfig === undefined) continue;
    const imageName = await imageAsAsked(store, record);
    const shown = { mounts: mountsShown(store, record), networks: networksShown(record) };
    const words = { status: statusOf(record), command: commandText(record) };
    all.push({ record, hostConfig, imageName, ...words, ...shown });
  }
  return all;
}

/** Without what is the daemon's own affair. */
function networksShown({ NetworkSettings }: ContainerRecord): Record<string, object> {
  const networks = NetworkSettings["Networks"] as Readonly<Record<string, object>> | null | undefined;
  const shown = Object.entries(networks ?? {}).map(([name, endpoint]) => {
    const { IPAMOperational: _internal, ...rest } = endpoint as Record<string, unknown>;
    return [name, rest] as const;
  });
  return Object.fromEntries(shown);
}

function hostConfigIfThere(store: Store, id: string): HostConfig | undefined {
  try {
    return readHostConfig(store.root, id);
  } catch {
    return undefined;
  }
}
