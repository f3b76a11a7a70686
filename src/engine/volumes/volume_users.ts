/** Which containers have a volume: read off their records, so that there is no count that could be wrong. */
import type { Store } from "../../store/index.ts";
import { listRecords, type ContainerRecord } from "../containers/record.ts";

/** The volumes of a container, each once. */
export function volumesOf({ MountPoints }: Pick<ContainerRecord, "MountPoints">): string[] {
  const points = Object.values(MountPoints ?? {}).filter(
    ({ Type, Name }) => Type === "volume" && Name !== "",
  );
  return [...new Set(points.map(({ Name }) => Name))];
}

/** For each volume that any container has, the IDs of those containers. */
export async function volumeUsers(store: Store): Promise<ReadonlyMap<string, readonly string[]>> {
  const users = new Map<string, string[]>();
  for (const record of await listRecords(store.root)) {
    for (const name of volumesOf(record)) users.set(name, [...(users.get(name) ?? []), record.ID]);
  }
  return users;
}
