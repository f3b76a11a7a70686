/** `volume ls`. */
import type { Store } from "../../store/index.ts";
import type { Volume } from "../../wire/index.ts";
import { hasLabel } from "../has_label.ts";
import { namePattern } from "../name_pattern.ts";
import { readVolume, volumeNames } from "./volume_folder.ts";
import { volumeUsers } from "./volume_users.ts";

export interface VolumeFilter {
  /** Any of these: the name itself, or an expression that fits a part of it. */
  readonly names?: readonly string[];
  readonly drivers?: readonly string[];
  /** All of these: `key` or `key=value`. */
  readonly labels?: readonly string[];
  /** None of these. */
  readonly withoutLabels?: readonly string[];
  /** True: only those that no container has; false: only those that one has. */
  readonly dangling?: boolean;
}

/** By name. */
export async function listVolumes(store: Store, filter: VolumeFilter = {}): Promise<Volume[]> {
  const names = filter.names?.map(namePattern) ?? [];
  const volumes = volumeNames(store)
    .filter((name) => names.length === 0 || names.some((fitsName) => fitsName(name)))
    .map((name) => readVolume(store, name))
    .filter((volume): volume is Volume => volume !== undefined && fits(volume, filter));
  const { dangling } = filter;
  if (dangling === undefined) return volumes;
  const users = await volumeUsers(store);
  return volumes.filter(({ Name }) => users.has(Name) !== dangling);
}

function fits(volume: Volume, filter: VolumeFilter): boolean {
  const { drivers = [], labels = [], withoutLabels = [] } = filter;
  const has = (label: string): boolean => hasLabel(volume.Labels ?? {}, label);
  if (drivers.length > 0 && !drivers.includes(volume.Driver)) return false;
  return labels.every(has) && !withoutLabels.some(has);
}
