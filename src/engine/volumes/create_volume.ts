/** `volume create`, and the volumes that a new container asks for (behaviour B181). */
import { Failure } from "../../errors.ts";
import type { Store } from "../../store/index.ts";
import type { Volume } from "../../wire/index.ts";
import type { EventBus } from "../events/event_bus.ts";
import { makeVolumeFolder, readVolume, volumesLock, type Labels } from "./volume_folder.ts";
import { anonymousLabel, anonymousName, checkVolumeName } from "./volume_name.ts";
import { checkVolumeOptions, type VolumeOptions } from "./volume_options.ts";

export interface CreateVolumeOptions {
  /** Default: a random one; the volume is then labelled as anonymous. */
  readonly name?: string;
  /** Default: `local`, the only one. */
  readonly driver?: string;
  readonly options?: VolumeOptions;
  readonly labels?: Labels;
}

/**
 * Makes the volume; one that is there already is given as it is.
 * @throws Failure in Docker's words: `invalid` for a bad name or option, `not-found` for another driver
 */
export function createVolume(
  store: Store,
  options: CreateVolumeOptions,
  events: EventBus | undefined,
): Promise<Volume> {
  return store.withLock(volumesLock, async () => (await createLocked(store, options, events)).volume);
}

/** {@link createVolume} for whoever holds the lock of volumes. @returns also whether it was not there before */
export async function createLocked(
  store: Store,
  { name: wanted = "", driver = "", options = {}, labels = {} }: CreateVolumeOptions,
  events: EventBus | undefined,
): Promise<{ readonly volume: Volume; readonly isNew: boolean }> {
  const name = wanted === "" ? anonymousName() : wanted;
  if (driver !== "" && driver !== "local") {
    throw new Failure(
      "not-found",
      `create ${name}: error looking up volume plugin ${driver}: plugin ${JSON.stringify(driver)} not found`,
    );
  }
  checkVolumeName(name);
  const found = readVolume(store, name);
  if (found !== undefined) return { volume: found, isNew: false };
  checkVolumeOptions(name, options);
  const all = wanted === "" ? { ...labels, [anonymousLabel]: "" } : labels;
  await makeVolumeFolder(store, name, options, all);
  events?.tell("volume", "create", name, { driver: "local" });
  return { volume: readVolume(store, name) as Volume, isNew: true };
}
