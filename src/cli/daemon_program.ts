/** What `varve daemon` needs of the Engine API's server; `bin/` hands it in, since this folder may not import it. */
import type { EngineOptions } from "../engine/index.ts";

export interface DaemonProgram {
  /** Serves until a signal ends it; returns the exit code. */
  runDaemon(
    options: EngineOptions & {
      readonly hosts: readonly string[];
      readonly pidfile?: string;
      readonly group?: string;
    },
    say: (line: string) => void,
  ): Promise<number>;
}
