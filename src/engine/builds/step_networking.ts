/** Networks of the commands of `RUN` steps, as whoever runs these sees them. */
import { Failure } from "../../errors.ts";
import type { FileMounts, NamespaceChoice } from "../../runtime/index.ts";
import type { EtcNetwork } from "../live/types.ts";

/** A step's place in a network; disposal takes away what was made for it. */
export interface StepNetwork extends AsyncDisposable {
  readonly namespace: NamespaceChoice;
  /** Those of the container whose network it is; undefined: the step has its own. */
  readonly files?: Pick<FileMounts, "hosts" | "resolvConf">;
  /** Undefined: the host's. */
  readonly dns?: EtcNetwork["dns"];
  /** What `host-gateway` means in `--add-host`. Undefined: there is none, the host is where the step is. */
  readonly hostGateway?: string;
}

export interface StepNetworking {
  /**
   * Before a step runs.
   * @param stepId 64 hex digits @param mode `default`, `host`, `none`; others where there are others
   * @throws Failure in Docker's words; nothing is left then
   */
  connect(stepId: string, mode: string, signal: AbortSignal): Promise<StepNetwork>;
}

export function sharedNetwork(
  namespace: NamespaceChoice,
  parts: Pick<StepNetwork, "files"> = {},
): StepNetwork {
  return { namespace, ...parts, [Symbol.asyncDispose]: async () => undefined };
}

/**
 * Of a build in a process of its own, which leaves the machine's firewall alone. A step without network could install
 * nothing, so the default is the host's.
 */
export const hostNetworking: StepNetworking = {
  connect: async (_stepId, mode) => {
    if (mode === "none") return sharedNetwork("private");
    if (mode === "host" || mode === "default") return sharedNetwork("host");
    throw new Failure("unsupported", `network mode "${mode}" is not supported by builds without a daemon`, {
      hint: "The modes are default, none and host.",
    });
  },
};
