/** What volumes take, and who has them (`system df`). */
import type { Store } from "../../store/index.ts";
import type { Volume } from "../../wire/index.ts";
import { filesSize } from "../containers/size.ts";
import { listVolumes } from "./list_volumes.ts";
import { volumeUsers } from "./volume_users.ts";

/** Without those that something is mounted on: what they hold lies elsewhere (moby, `LocalVolumesSize`). */
export async function volumeUsage(store: Store): Promise<Volume[]> {
  const users = await volumeUsers(store);
  const volumes: Volume[] = [];
  for (const volume of await listVolumes(store)) {
    if (volume.Options !== null) continue;
    const RefCount = users.get(volume.Name)?.length ?? 0;
    volumes.push({ ...volume, UsageData: { RefCount, Size: volumeSize(volume) } });
  }
  return volumes;
}

/** Bytes of its files; -1: they cannot be counted. */
export function volumeSize({ Mountpoint }: Volume): number {
  try {
    return filesSize(Mountpoint);
  } catch {
    return -1;
  }
}
