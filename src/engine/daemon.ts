/** The engine of a daemon: what one process has that looks after a root for all its clients. */
import { openEngine, type Engine, type EngineOptions } from "./engine.ts";
import { EventBus } from "./events/event_bus.ts";
import { LiveContainers } from "./live/live_containers.ts";

export interface DaemonOptions extends EngineOptions {
  /** What goes wrong behind nobody's call. */
  readonly warn: (text: string) => void;
}

export class Daemon implements AsyncDisposable {
  readonly engine: Engine;
  readonly events: EventBus;
  readonly live: LiveContainers;

  private constructor(engine: Engine, events: EventBus, live: LiveContainers) {
    this.engine = engine;
    this.events = events;
    this.live = live;
  }

  /** Opens the root and takes over what runs on it. */
  static async open(options: DaemonOptions): Promise<Daemon> {
    const engine = await openEngine(options);
    const events = new EventBus();
    const live = new LiveContainers({ store: engine.store, events, warn: options.warn });
    await live.restore();
    return new Daemon(engine, events, live);
  }

  /** Lets go of everything; containers run on. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.live[Symbol.asyncDispose]();
  }
}
