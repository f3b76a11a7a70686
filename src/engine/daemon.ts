/** The engine of a daemon: what one process has that looks after a root for all its clients. */
import { join } from "node:path";
import { fromText } from "../byte_string.ts";
import { Failure } from "../errors.ts";
import { dropFreeLocks } from "../store/index.ts";
import { tryLockFile } from "../sys/index.ts";
import { configureInit } from "./containers/init_program.ts";
import { removeHalfMade } from "./containers/remove_half_made.ts";
import { configureRuntimes } from "./containers/runtimes.ts";
import { noSettings, type DaemonSettings } from "./daemon_settings.ts";
import { openOwnEngine, registriesOf, type Engine, type EngineOptions } from "./engine.ts";
import { engineId } from "./engine_id.ts";
import type { EventBus } from "./events/event_bus.ts";
import { collectPost } from "./events/event_post.ts";
import { LiveContainers } from "./live/live_containers.ts";
import { StepNetworks } from "./networks/step_networks.ts";
import { Pods } from "./pods/pods.ts";
import { Swarm } from "./swarm/swarm.ts";

export interface DaemonOptions extends EngineOptions {
  /** What goes wrong behind nobody's call. */
  readonly warn: (text: string) => void;
  readonly settings?: DaemonSettings;
}

export class Daemon implements AsyncDisposable {
  readonly engine: Engine;
  readonly events: EventBus;
  readonly live: LiveContainers;
  readonly pods: Pods;
  readonly swarm: Swarm;
  readonly stepNetworks: StepNetworks;
  /** Tells engines apart. */
  readonly id: string;
  readonly #lock: Disposable;
  readonly #networks: Disposable;
  readonly #post: Disposable;
  #settings: DaemonSettings;

  private constructor(parts: DaemonParts) {
    this.engine = parts.engine;
    this.events = parts.events;
    this.live = parts.live;
    this.pods = parts.pods;
    this.swarm = parts.swarm;
    this.id = parts.id;
    this.#lock = parts.lock;
    this.#networks = parts.networks;
    this.#post = parts.post;
    this.#settings = parts.settings;
    this.stepNetworks = new StepNetworks(this.engine.store, () => this.#settings.containers, parts.warn);
    this.engine.connectSteps(this.stepNetworks);
  }

  get settings(): DaemonSettings {
    return this.#settings;
  }

  /** What begins from now on goes by these. */
  configure(settings: DaemonSettings): void {
    this.#settings = settings;
    configureRuntimes(this.engine.store.root, settings.runtimes ?? {});
    this.engine.reachRegistries(registriesOf(settings));
  }

  /**
   * Opens the root and takes over what runs on it.
   * @throws Failure("conflict") while another daemon looks after it
   */
  static async open(options: DaemonOptions): Promise<Daemon> {
    const { settings = noSettings, warn } = options;
    const registries = registriesOf(settings);
    const engine = await openOwnEngine({ ...options, remote: { ...options.remote, ...registries } });
    const { root } = engine.store;
    await using undo = new AsyncDisposableStack();
    const lock = undo.use(lockRoot(root));
    dropFreeLocks(locksOf(root));
    configureRuntimes(root, settings.runtimes ?? {});
    configureInit(root, settings.initPath);
    const { events } = engine;
    const networks = undo.use(await engine.networks.open(settings.networks));
    const networking = await engine.networks.running();
    const pods = new Pods(engine.store, networking);
    // What is left of a pod's networks goes with what is left of containers'.
    await pods.reconcile(warn);
    await removeHalfMade(engine.store);
    await engine.networks.reconcile();
    const live = undo.use(new LiveContainers({ store: engine.store, events, networking, warn }));
    await live.restore();
    const post = undo.use(collectPost(root, events));
    const [swarm, id] = [new Swarm(root), await engineId(root)];
    undo.move();
    return new Daemon({ engine, events, live, pods, swarm, id, lock, networks, post, settings, warn });
  }

  /** Lets go of everything; containers run on. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#post[Symbol.dispose]();
    await this.live[Symbol.asyncDispose]();
    this.#networks[Symbol.dispose]();
    this.#lock[Symbol.dispose]();
  }
}

interface DaemonParts {
  readonly engine: Engine;
  readonly events: EventBus;
  readonly live: LiveContainers;
  readonly pods: Pods;
  readonly swarm: Swarm;
  readonly id: string;
  readonly lock: Disposable;
  readonly networks: Disposable;
  readonly post: Disposable;
  readonly settings: DaemonSettings;
  readonly warn: (text: string) => void;
}

const locksOf = (root: string): string => join(root, "varve/locks");

/** Two supervisors would both restart what ends. */
function lockRoot(root: string): Disposable {
  const lock = tryLockFile(fromText(join(locksOf(root), "daemon")));
  if (lock !== undefined) return lock;
  throw new Failure("conflict", `start a daemon on ${root}: another one looks after it`, {
    hint: "Stop that one, or give another --root.",
  });
}
