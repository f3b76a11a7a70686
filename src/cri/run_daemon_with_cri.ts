/** `varve daemon --cri`: the Engine API and the CRI from one process, on one engine. */
import { runDaemon } from "../api/index.ts";
import { criHost, serveCriOn } from "./serve_cri.ts";

type DaemonOptions = Parameters<typeof runDaemon>[0];

export interface RunBothOptions extends DaemonOptions {
  readonly cri: {
    /** `unix:///path`. */
    readonly host: string;
    /** Of sandboxes that ask for one of their own. */
    readonly network: string;
  };
}

/** As `runDaemon`. Says `CRI listen on …` as well. @throws Failure("invalid") for a host that is no unix socket */
export function runDaemonWithCri(
  { cri, ...options }: RunBothOptions,
  say: (line: string) => void,
): Promise<number> {
  criHost(cri.host);
  return runDaemon(
    {
      ...options,
      beside: async (daemon, warn) => {
        const running = await serveCriOn(daemon, { ...cri, warn });
        return {
          greeting: `CRI listen on ${running.address.replace(/^unix:\/\//, "")}`,
          [Symbol.asyncDispose]: () => running[Symbol.asyncDispose](),
        };
      },
    },
    say,
  );
}
