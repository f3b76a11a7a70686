/** What `varve cri` needs of the server for Kubernetes; `bin/` hands it in, since this folder may not import it. */
import type { EngineOptions } from "../engine/index.ts";
import type { DaemonProgram } from "./daemon_program.ts";

export interface CriProgram {
  /** Serves until a signal ends it; returns the exit code. */
  runCri(
    options: EngineOptions & {
      /** `unix:///path`. */
      readonly host: string;
      /** Of sandboxes that ask for one of their own. */
      readonly network: string;
      readonly insecureRegistries: readonly string[];
      readonly registryMirrors: readonly string[];
    },
    say: (line: string) => void,
  ): Promise<number>;
  /** Both from one process; as `runDaemon`. */
  runDaemonWithCri(
    options: Parameters<DaemonProgram["runDaemon"]>[0] & {
      readonly cri: { readonly host: string; readonly network: string };
    },
    say: (line: string) => void,
  ): Promise<number>;
}
