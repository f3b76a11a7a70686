/** The engine: one small object that the classes for images, containers and system share. */
import { join } from "node:path";
import type { DriverName } from "../driver/index.ts";
import type {
  CredentialLookup,
  FetchedUrl,
  FetchUrlOptions,
  Remote,
  RemoteOptions,
} from "../remote/index.ts";
import { openStore, type Store } from "../store/index.ts";
import { hasSteps } from "./builds/steps_folder.ts";
import { Builds } from "./builds/index.ts";
import type { StepNetworking } from "./builds/step_networking.ts";
import { Containers } from "./containers/index.ts";
import { EventBus } from "./events/event_bus.ts";
import { postEvents } from "./events/event_post.ts";
import { EngineNetworks } from "./networks/index.ts";
import { Images } from "./images/index.ts";
import { System } from "./system/index.ts";
import { Volumes } from "./volumes/index.ts";

export interface EngineOptions {
  /** Docker's data root: an absolute path. */
  readonly root: string;
  /** Default: what the root holds already, else what this machine can do. */
  readonly driver?: DriverName;
  /** `KEY=VALUE` for the storage driver, as `erofs.directio=true`. */
  readonly storageOptions?: readonly string[];
  readonly remote?: RemoteOptions;
}

const reached = [
  "registryMirrors",
  "insecureRegistries",
  "concurrentDownloads",
  "concurrentUploads",
  "downloadRetries",
] as const;
/** What of a remote's options may change. */
export type RegistriesReached = Pick<RemoteOptions, (typeof reached)[number]>;

const isReached = (name: string): boolean => reached.some((each) => each === name);

/** What `settings` says about registries. */
export function registriesOf(settings: RegistriesReached): RegistriesReached {
  return Object.fromEntries(Object.entries(settings).filter(([name]) => isReached(name)));
}

/** Everything that varve can do on one root, for the CLI, the daemon and library users. */
export class Engine {
  readonly store: Store;
  readonly images: Images;
  readonly containers: Containers;
  readonly system: System;
  readonly builds: Builds;
  readonly volumes: Volumes;
  readonly networks: EngineNetworks;
  /** What happens in this process. What a daemon and its clients do the daemon tells there, too. */
  readonly events = new EventBus();
  #remoteOptions: RemoteOptions;
  #remote: Promise<Remote> | undefined;
  #stepNetworking: StepNetworking | undefined;

  constructor(store: Store, remoteOptions: RemoteOptions) {
    this.store = store;
    // A push that was interrupted goes on from what is noted here.
    this.#remoteOptions = { uploadsDirectory: join(store.root, "varve", "uploads"), ...remoteOptions };
    this.images = new Images(store, this.events, () => this.remote());
    this.containers = new Containers(store, this.events);
    this.volumes = new Volumes(store, this.events);
    this.networks = new EngineNetworks(store, this.events);
    this.builds = this.#buildsWith(this.images, () => this.remote());
    this.system = new System(this, () => this.remote());
  }

  /** The registry client; loaded at first use, since most commands never go online. */
  remote(): Promise<Remote> {
    this.#remote ??= import("../remote/index.ts").then(({ createRemote }) =>
      createRemote(this.#remoteOptions),
    );
    return this.#remote;
  }

  /** Transfers that begin from now on go by these. */
  reachRegistries(registries: RegistriesReached): void {
    const others = Object.entries(this.#remoteOptions).filter(([name]) => !isReached(name));
    this.#remoteOptions = { ...(Object.fromEntries(others) as RemoteOptions), ...registries };
    this.#remote = undefined;
  }

  /** Builds that begin from now on have these networks. For a daemon, which looks after them. */
  connectSteps(networking: StepNetworking): void {
    this.#stepNetworking = networking;
  }

  /** A file from any HTTP server; see `fetchUrl` of `remote`. */
  async fetchUrl(url: string, options: FetchUrlOptions): Promise<FetchedUrl> {
    return (await import("../remote/index.ts")).fetchUrl(url, options);
  }

  /** The same images and builds with the credentials of one call, and no others, for registries. */
  async withCredentials(lookup: CredentialLookup): Promise<RegistryUser> {
    const remote = (await this.remote()).withCredentials(lookup);
    const given = async (): Promise<Remote> => remote;
    const images = new Images(this.store, this.events, given);
    return { images, builds: this.#buildsWith(images, given), remote };
  }

  #buildsWith(images: Images, remote: () => Promise<Remote>): Builds {
    return new Builds(this.store, images, remote, () => this.#stepNetworking);
  }
}

/** What of an engine goes to registries. */
export interface RegistryUser {
  readonly images: Images;
  readonly builds: Builds;
  readonly remote: Remote;
}

/**
 * Opens (or makes) the root; what happens is told to its daemon, if it has one. Throws `Failure("unsupported")` when this
 * machine cannot use the driver.
 */
export async function openEngine(options: EngineOptions): Promise<Engine> {
  const engine = await openOwnEngine(options);
  postEvents(engine.store.root, engine.events);
  return engine;
}

/** For the daemon itself. */
export async function openOwnEngine(options: EngineOptions): Promise<Engine> {
  const { root, driver, storageOptions } = options;
  // What a killed build left: the containers before the mounts on which they run, with which the store deals.
  if (hasSteps(root)) await (await import("./builds/step_bundles.ts")).settleSteps(root);
  const store = await openStore({
    root,
    ...(driver !== undefined && { driver }),
    ...(storageOptions !== undefined && { storageOptions }),
  });
  return new Engine(store, options.remote ?? {});
}
