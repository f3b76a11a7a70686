/** Volumes: every verb in a file of its own, loaded when it is first used. */
import type { Store } from "../../store/index.ts";
import type { Volume } from "../../wire/index.ts";
import type { EventBus } from "../events/event_bus.ts";
import type { CreateVolumeOptions } from "./create_volume.ts";
import type { VolumeFilter } from "./list_volumes.ts";
import type { PrunedVolumes, PruneVolumesOptions } from "./prune_volumes.ts";
import type { RemoveVolumeOptions } from "./remove_volume.ts";

export class Volumes {
  readonly #store: Store;
  readonly #events: EventBus;

  constructor(store: Store, events: EventBus) {
    this.#store = store;
    this.#events = events;
  }

  /** One that is there already is given as it is. Throws in Docker's words for bad names, options and drivers. */
  async create(options: CreateVolumeOptions = {}): Promise<Volume> {
    return (await import("./create_volume.ts")).createVolume(this.#store, options, this.#events);
  }

  /** By name. */
  async list(filter: VolumeFilter = {}): Promise<Volume[]> {
    return (await import("./list_volumes.ts")).listVolumes(this.#store, filter);
  }

  /** Throws `Failure("not-found")`: `get x: no such volume`. */
  async inspect(name: string): Promise<Volume> {
    return (await import("./find_volume.ts")).findVolume(this.#store, name);
  }

  /** Throws `Failure("conflict")` while containers have it. */
  async remove(name: string, options: RemoveVolumeOptions = {}): Promise<void> {
    return (await import("./remove_volume.ts")).removeVolume(this.#store, name, options, this.#events);
  }

  /** Removes those that no container has. */
  async prune(options: PruneVolumesOptions = {}): Promise<PrunedVolumes> {
    return (await import("./prune_volumes.ts")).pruneVolumes(this.#store, options, this.#events);
  }

  /** All but those with options, with their size and how many containers have them (`system df`). */
  async usage(): Promise<Volume[]> {
    return (await import("./volume_usage.ts")).volumeUsage(this.#store);
  }
}
