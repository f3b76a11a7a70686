/** What `varve daemon` needs of the Engine API's server; `bin/` hands it in, since this folder may not import it. */
import type { EngineOptions } from "../engine/index.ts";

/** Settings that a flag makes, under the names that `daemon.json` has for them. */
export interface DaemonFlags {
  readonly "data-root"?: string;
  readonly hosts?: readonly string[];
  readonly group?: string;
  readonly pidfile?: string;
  readonly debug?: boolean;
  readonly "log-level"?: string;
  readonly "storage-driver"?: string;
  readonly "storage-opts"?: readonly string[];
  readonly "registry-mirrors"?: readonly string[];
  readonly "insecure-registries"?: readonly string[];
  readonly labels?: readonly string[];
  readonly tls?: boolean;
  readonly tlsverify?: boolean;
  readonly tlscacert?: string;
  readonly tlscert?: string;
  readonly tlskey?: string;
  readonly "log-driver"?: string;
  readonly "log-opts"?: Readonly<Record<string, string>>;
  readonly dns?: readonly string[];
  readonly init?: boolean;
  readonly runtimes?: Readonly<Record<string, { readonly path: string }>>;
  readonly "default-runtime"?: string;
}

export interface DaemonProgram {
  /** Serves until a signal ends it; returns the exit code. */
  runDaemon(
    options: EngineOptions & {
      readonly defaultHost: string;
      readonly directives: DaemonFlags;
      readonly configFile: { readonly path: string; readonly named: boolean };
      readonly validate: boolean;
    },
    say: (line: string) => void,
  ): Promise<number>;
}
