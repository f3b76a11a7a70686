/** What lists of containers are made of: records that are true, with what stands beside them. */
import type { ImageId } from "../../oci/index.ts";
import { resolveImage, type Store } from "../../store/index.ts";
import { imageDisplayName } from "./create.ts";
import { mountsShown } from "./mounts_shown.ts";
import { listRecords, readHostConfig, type ContainerRecord, type HostConfig } from "./record.ts";
import { reconcile, statusOf, type Status } from "./state.ts";

export interface ContainerOverview {
  readonly record: ContainerRecord;
  readonly hostConfig: HostConfig;
  readonly status: Status;
  /** As given at creation while that name still leads to the image, else the image's 12 digits (B094). */
  readonly imageName: string;
  /** As Docker shows them. */
  readonly mounts: readonly object[];
  readonly networks: Readonly<Record<string, object>>;
}

/** All containers, newest first. One that goes meanwhile is passed over. */
export async function overviewOfContainers(store: Store): Promise<ContainerOverview[]> {
  const all: ContainerOverview[] = [];
  for (const found of await listRecords(store.root)) {
    const record = await reconcile(store, found);
    const hostConfig = hostConfigIfThere(store, record.ID);
    if (hostConfig === undefined) continue;
    const imageName = await imageDisplayName(store, record);
    const shown = { mounts: mountsShown(store, record), networks: networksShown(record) };
    all.push({ record, hostConfig, status: statusOf(record), imageName, ...shown });
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

/** An image and all that were made from it. @throws Failure("not-found") */
export async function imageWithDescendants(store: Store, name: string): Promise<ReadonlySet<ImageId>> {
  const { id } = await resolveImage(store, name);
  const family = new Set<ImageId>([id]);
  const parents = await store.images.parents();
  for (let size = 0; size < family.size;) {
    size = family.size;
    for (const [child, parent] of parents) if (family.has(parent)) family.add(child);
  }
  return family;
}
