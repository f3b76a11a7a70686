/** What a running container needs of networks, and what those who wait for it are told. */
import type { HostEntry } from "../../runtime/index.ts";
import type { ContainerRecord, HostConfig } from "../containers/record.ts";

/** What networks add to the files of /etc. */
export interface EtcNetwork {
  /** Lines of `/etc/hosts` beside those of every container: links, its own addresses. */
  readonly hosts: readonly HostEntry[];
  /** What `host-gateway` means in `--add-host`. */
  readonly hostGateway?: string;
  /** Name servers, search domains and options; where all are empty, the host's. */
  readonly dns: {
    readonly servers: readonly string[];
    readonly search: readonly string[];
    readonly options: readonly string[];
  };
}

export interface ConnectedNetwork {
  /** Undefined: nothing. */
  readonly etc: EtcNetwork | undefined;
  /** The record's `NetworkSettings` from now on. @param now as the record has them */
  settings(now: Record<string, unknown>): Record<string, unknown>;
}

/** A container's place in the networks, while it runs. */
export interface RunNetwork {
  /** File of the network namespace; undefined: the host's, that of another container, or a new one with nothing inside. */
  readonly namespace: string | undefined;
  /**
   * Settles when all works. The container may be made before, and must not run before. Fails in Docker's words; then
   * `disconnect` takes away what is left.
   */
  readonly connected: Promise<ConnectedNetwork>;
}

/** Networks as the supervisor sees them. */
export interface RunNetworking {
  /**
   * Before the container is made. What was left of an earlier run goes.
   * @throws Failure in Docker's words
   */
  connect(record: ContainerRecord, hostConfig: HostConfig): Promise<RunNetwork>;
  /**
   * Of a container that runs, whose supervisor was killed before it wrote down where it is connected, or while that
   * changed; undefined: it is known.
   */
  resume(
    record: ContainerRecord,
    hostConfig: HostConfig,
  ): Promise<Pick<ConnectedNetwork, "settings"> | undefined>;
  /**
   * After it has ended, or was not started after all; waits for a `connect` that goes on. Harmless where nothing is
   * connected.
   * @returns tells of it, once the container's end has been told
   */
  disconnect(containerId: string): Promise<() => void>;
}

/** When `wait` is to answer (Engine API, `condition`). */
export type WaitCondition = "not-running" | "next-exit" | "removed";

export interface ContainerExit {
  readonly exitCode: number;
  /** Why it could not be started or removed. */
  readonly error?: string;
}
