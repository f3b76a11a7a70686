/** A container's mounts as `inspect` and `ps` show them (moby, api/types, `MountPoint`). */
import type { Store } from "../../store/index.ts";
import { volumeData } from "../volumes/volume_folder.ts";
import type { ContainerRecord } from "./record.ts";

export interface MountShown {
  readonly Type: string;
  readonly Name?: string;
  readonly Source: string;
  readonly Destination: string;
  readonly Driver?: string;
  /** As it was written. */
  readonly Mode: string;
  readonly RW: boolean;
  readonly Propagation: string;
}

export function mountsShown(
  store: Store,
  { MountPoints }: Pick<ContainerRecord, "MountPoints">,
): MountShown[] {
  return Object.values(MountPoints ?? {}).map((point) => ({
    Type: point.Type,
    ...(point.Name !== "" && { Name: point.Name }),
    Source: point.Type === "volume" && point.Source === "" ? volumeData(store, point.Name) : point.Source,
    Destination: point.Destination,
    ...(point.Driver !== "" && { Driver: point.Driver }),
    Mode: point.Relabel ?? "",
    RW: point.RW,
    Propagation: point.Propagation ?? "",
  }));
}
