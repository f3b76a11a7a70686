/** The networks of a root. */
import { join } from "node:path";
import { BridgeTools } from "./bridge_tools.ts";
import { Endpoints } from "./endpoints.ts";
import { Namespaces } from "./namespaces.ts";
import { NetworkState } from "./network_state.ts";
import { Networks } from "./networks.ts";
import { checkDefaults, type NetworkDefaults } from "./network_defaults.ts";
import { PortRelays } from "./port_relays.ts";
import { ensurePredefined } from "./predefined.ts";
import { renewDefaultBridge } from "./renew_default_bridge.ts";

export interface NetworkingOptions {
  /** Where all is kept; made if missing. */
  readonly directory: string;
  /** One for the machine. Default /run/varve/network.lock. */
  readonly lock?: string;
  /** Programs; default: where the distributions' packages put them. */
  readonly netavark?: string;
  readonly aardvark?: string;
  /** Of a daemon, which makes the default network anew by them. */
  readonly defaults?: NetworkDefaults;
  /** For a daemon: whether published ports of IPv6 addresses are passed on by this process, until it disposes of the networking. */
  readonly relays?: boolean;
}

export interface Networking extends Disposable {
  readonly networks: Networks;
  readonly endpoints: Endpoints;
  readonly namespaces: Namespaces;
}

/**
 * Opens the networks of a root and, in a new one, defines `bridge`, `host` and `none`. Makes no interface. Several processes
 * may have the same root open.
 * @throws Failure("corrupt"), ("invalid"): defaults that make no sense; SysError
 */
export async function openNetworking(options: NetworkingOptions): Promise<Networking> {
  const { directory, lock = "/run/varve/network.lock", netavark, aardvark, defaults } = options;
  if (defaults !== undefined) checkDefaults(defaults);
  const state = new NetworkState({ directory, lock, ...(defaults !== undefined && { defaults }) });
  const tools = new BridgeTools({
    directory: join(directory, "netavark"),
    ...(netavark === undefined ? {} : { netavark }),
    ...(aardvark === undefined ? {} : { aardvark }),
  });
  const relays = options.relays === true && defaults?.userlandProxy !== false ? new PortRelays() : undefined;
  await ensurePredefined(state);
  if (defaults !== undefined) await renewDefaultBridge(state, tools);
  return {
    networks: new Networks(state, tools),
    endpoints: new Endpoints(state, tools, relays),
    namespaces: new Namespaces(join(directory, "namespaces")),
    [Symbol.dispose]: () => relays?.[Symbol.dispose](),
  };
}
