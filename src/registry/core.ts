/** What all handlers share. */
import type { AccessController } from "./access/types.ts";
import { actorOf, type Exchange } from "./exchange.ts";
import { guardOf } from "./gc/blob_guard.ts";
import { guardedStorage } from "./gc/guarded_storage.ts";
import type { RegistryActor, RegistryEvent, RegistryHooks, RegistryPolicy } from "./hooks.ts";
import type { Upstreams } from "./proxy/upstreams.ts";
import { ReferrersIndex } from "./referrers_index.ts";
import { Sightings } from "./sightings.ts";
import type { StorageDriver } from "./storage/types.ts";
import { UploadSessions } from "./upload_sessions.ts";

export interface RegistryOptions {
  readonly storage: StorageDriver;
  /** Default: everybody may do everything. */
  readonly access?: AccessController;
  readonly hooks?: RegistryHooks;
  readonly policy?: RegistryPolicy;
  /** How clients reach us, `https://registry.example`; default: as the request says. */
  readonly origin?: string;
  /** Locations without scheme and host; default false. */
  readonly relativeUrls?: boolean;
  /** Whether blobs are fetched from the storage itself where it gives URLs; default true. */
  readonly redirect?: boolean;
  /** Whether manifests, tags and blobs may be deleted; default true. */
  readonly deletion?: boolean;
  /** Whether clients are told of what we have beyond the specification; default true. */
  readonly extensions?: boolean;
  /**
   * distribution's `http.secret`. With it the Locations of uploads carry the state that distribution wants there, so
   * that an upload may go on at a `docker-registry` with the same secret.
   */
  readonly uploadSecret?: string;
  /** Registries of which some repositories are copies, fetched as they are asked for; default: all are our own. */
  readonly upstreams?: Upstreams;
}

/** The part of an event that its handler knows; the rest is in the exchange. */
type Told<Event> = Event extends RegistryEvent ? Omit<Event, keyof RegistryActor | "time"> : never;

export class RegistryCore {
  /** Guarded: garbage collection may run beside us, here or in another instance (`gc/guarded_storage.ts`). */
  readonly storage: StorageDriver;
  /** The same, for what a client is told that it is there and will build on. */
  readonly keeping: StorageDriver;
  readonly access: AccessController | undefined;
  readonly policy: RegistryPolicy;
  readonly redirect: boolean;
  readonly deletion: boolean;
  readonly extensions: boolean;
  readonly uploadSecret: string | undefined;
  readonly upstreams: Upstreams | undefined;
  readonly sessions: UploadSessions;
  readonly sightings = new Sightings();
  readonly referrers: ReferrersIndex;
  readonly #hooks: RegistryHooks;

  constructor(options: RegistryOptions) {
    const guarded = guardedStorage(options.storage, guardOf(options.storage));
    this.storage = guarded.storage;
    this.keeping = guarded.keeping;
    this.access = options.access;
    this.policy = options.policy ?? {};
    this.redirect = options.redirect ?? true;
    this.deletion = options.deletion ?? true;
    this.extensions = options.extensions ?? true;
    this.uploadSecret = options.uploadSecret;
    this.upstreams = options.upstreams;
    this.sessions = new UploadSessions(this.storage);
    // Not guarded: a list of what there is takes nothing out of the trash.
    this.referrers = new ReferrersIndex(options.storage);
    this.#hooks = options.hooks ?? {};
  }

  /** Tells of something that is done and durable. */
  tell(exchange: Exchange, event: Told<RegistryEvent>): void {
    this.#hooks.onEvent?.({ ...actorOf(exchange), time: new Date(), ...event } as RegistryEvent);
  }
}
