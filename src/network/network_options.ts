/** The options of a network that the bridge driver knows (moby libnetwork/drivers/bridge/labels.go, netlabel). */
import { Failure } from "../errors.ts";

export interface BridgeOptions {
  readonly bridge?: string;
  readonly mtu?: number;
  /** Whether containers of the network reach each other. */
  readonly icc: boolean;
  /** Where ports are published that name no address. */
  readonly hostBinding?: string;
}

const prefix = "com.docker.network";

/**
 * Options of other names are kept and mean nothing, as in dockerd.
 * @throws Failure("invalid"): the values go to programs as words
 */
export function bridgeOptions(options: Readonly<Record<string, string>>): BridgeOptions {
  const bridge = options[`${prefix}.bridge.name`];
  if (bridge !== undefined && !/^[A-Za-z0-9][A-Za-z0-9_.-]{0,14}$/.test(bridge)) {
    throw new Failure("invalid", `bridge name ${JSON.stringify(bridge)} cannot be the name of an interface`);
  }
  const mtu = options[`${prefix}.driver.mtu`];
  if (mtu !== undefined && !(/^\d{2,5}$/.test(mtu) && Number(mtu) >= 68 && Number(mtu) <= 65_535)) {
    throw new Failure("invalid", `invalid value for '${prefix}.driver.mtu': ${mtu}`);
  }
  const hostBinding = options[`${prefix}.bridge.host_binding_ipv4`];
  return {
    ...(bridge === undefined ? {} : { bridge }),
    ...(mtu === undefined ? {} : { mtu: Number(mtu) }),
    ...(hostBinding === undefined ? {} : { hostBinding }),
    icc: options[`${prefix}.bridge.enable_icc`]?.toLowerCase() !== "false",
  };
}
