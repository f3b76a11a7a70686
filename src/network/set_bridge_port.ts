/** Flags of an endpoint's port of the bridge, for which netavark has no words (bridge(8)). */
import { Failure } from "../errors.ts";
import { inNetworkNamespace } from "../sys/index.ts";
import type { BridgeTools } from "./bridge_tools.ts";
import { bridgeOptions } from "./network_options.ts";
import type { StoredNetwork } from "./network_state.ts";
import { runProgram } from "./run_program.ts";
import type { Endpoint } from "./types.ts";

/**
 * - `com.docker.network.bridge.enable_icc=false`: isolated ports reach the host and the way out, not each other.
 * - With published ports: where bridged packets pass through iptables (net.bridge.bridge-nf-call-iptables), one that a
 *   container sends to its own published port is turned round within the bridge.
 *
 * @throws Failure("unavailable" | "internal")
 */
export async function setBridgePort(
  endpoint: Endpoint,
  network: StoredNetwork,
  tools: BridgeTools,
): Promise<void> {
  const flags = [
    ...(bridgeOptions(network.definition.options).icc ? [] : ["isolated on"]),
    ...(endpoint.ports.length > 0 ? ["hairpin on"] : []),
  ];
  if (flags.length === 0) return;
  const name = await outerName(endpoint);
  await tools.ip([`link set dev ${name} type bridge_slave ${flags.join(" ")}`]);
}

/** The name of the interface's other end, which the kernel chose. */
async function outerName({ namespace, interfaceName }: Endpoint): Promise<string> {
  // The program starts in the thread's namespace, which is left at once.
  const { output: inside } = await inNetworkNamespace(namespace, () =>
    runProgram("ip", ["-o", "link", "show", "dev", interfaceName], ""),
  );
  const index = /@if(\d+):/.exec(inside)?.[1];
  const { output: outside } = await runProgram("ip", ["-o", "link"], "");
  const name = new RegExp(`^${index}: ([^@:]+)@`, "m").exec(outside)?.[1];
  if (name !== undefined) return name;
  throw new Failure("internal", `the other end of ${interfaceName} of ${namespace} is not to be found`);
}
