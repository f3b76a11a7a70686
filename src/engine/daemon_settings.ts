/** What an operator decides about a daemon, as `daemon.json` and its flags say it. */
import type { NetworkDefaults } from "../network/index.ts";
import type { HostConfig } from "./containers/record.ts";
import type { NamedRuntime } from "./containers/runtimes.ts";
import type { SecurityOptions } from "./containers/security_options.ts";

export interface DaemonSettings {
  readonly debug: boolean;
  /** `KEY=VALUE`, shown by `info`. */
  readonly labels: readonly string[];
  /** Mirrors of docker.io; undefined: those of dockerd's own `daemon.json`. */
  readonly registryMirrors?: readonly string[];
  /** `host`, `host:port` or a network; undefined: those of dockerd's own `daemon.json`. */
  readonly insecureRegistries?: readonly string[];
  /** Layers of one image at once; undefined: as many as Docker. */
  readonly concurrentDownloads?: number;
  readonly concurrentUploads?: number;
  /** How often a layer is asked for again; undefined: as often as by Docker. */
  readonly downloadRetries?: number;
  /** OCI runtimes that containers may choose besides runc and crun. */
  readonly runtimes?: Readonly<Record<string, NamedRuntime>>;
  /** What a network gets that says nothing about it; heeded at the start. */
  readonly networks?: NetworkDefaults;
  /** Protection of containers that choose none; undefined: the usual one. */
  readonly security?: SecurityOptions;
  /** Program of `--init`, or its name in PATH; undefined: the first that is there. Heeded at the start. */
  readonly initPath?: string | undefined;
  /** What clients are told of a daemon in experimental mode: to offer what is one. Heeded at the start. */
  readonly experimental?: boolean | undefined;
  /** Whether clients that have the choice are told to build by BuildKit's protocol; true. */
  readonly buildkit?: boolean;
  /** What a container gets that says nothing about it. */
  readonly containers: Partial<HostConfig>;
}

export const noSettings: DaemonSettings = { debug: false, labels: [], containers: {} };
