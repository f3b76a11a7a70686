/** What all containers of one supervisor share. */
import type { LogWriter } from "../../runtime/index.ts";
import type { Store } from "../../store/index.ts";
import type { ContainerRecord, HostConfig } from "../containers/record.ts";
import type { EventBus } from "../events/event_bus.ts";
import type { ContainerStreams } from "./container_streams.ts";
import type { LiveContainer } from "./live_container.ts";
import type { ContainerRun } from "./run.ts";
import type { RunNetworking } from "./types.ts";

export interface LiveContext {
  readonly store: Store;
  readonly events: EventBus;
  readonly networking: RunNetworking | undefined;
  openLog(record: ContainerRecord, hostConfig: HostConfig): LogWriter | undefined;
  /** Whoever is attached to the container, or will be. */
  streamsOf(record: ContainerRecord): ContainerStreams;
  warn(text: string): void;
  /** A run began, or goes on under this supervisor; beside the events, for what goes with a run (health checks). */
  onRunning(container: LiveContainer, run: ContainerRun, begins: boolean): void;
}
