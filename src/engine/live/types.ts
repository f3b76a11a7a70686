/** What a running container needs of networks, and what those who wait for it are told. */
import type { HostEntry } from "../../runtime/index.ts";
import type { ContainerRecord, HostConfig } from "../containers/record.ts";

/** A container's place in the networks, while it runs. */
export interface RunNetwork {
  /** File of the network namespace; undefined: a new one with nothing but its loopback. */
  readonly namespace: string | undefined;
  /** Lines of `/etc/hosts` beside those of every container: its own addresses, links. */
  readonly hosts: readonly HostEntry[];
  /** Name servers, search domains and options instead of the host's. */
  readonly dns?: {
    readonly servers: readonly string[];
    readonly search: readonly string[];
    readonly options: readonly string[];
  };
  /** The record's `NetworkSettings` from now on. */
  readonly settings: Record<string, unknown>;
}

/** Networks as the supervisor sees them. */
export interface RunNetworking {
  /**
   * Before the container is made. Not asked for `host`, `none` and `container:`… of a container that runs.
   * @throws Failure in Docker's words; nothing is left then
   */
  connect(record: ContainerRecord, hostConfig: HostConfig): Promise<RunNetwork>;
  /** After it has ended. Harmless where nothing is connected. @returns the record's `NetworkSettings` from now on */
  disconnect(record: ContainerRecord): Promise<Record<string, unknown>>;
}

/** When `wait` is to answer (Engine API, `condition`). */
export type WaitCondition = "not-running" | "next-exit" | "removed";

export interface ContainerExit {
  readonly exitCode: number;
  /** Why it could not be started or removed. */
  readonly error?: string;
}
