/** What an operator decides about networks of which their user says nothing (dockerd's `daemon.json`). */
import { Failure } from "../errors.ts";
import { parseIp } from "./ip_address.ts";
import { isInside } from "./plan_pools.ts";
import { parseSubnet } from "./subnet.ts";

export interface NetworkDefaults {
  /** `default-address-pools`: where networks without a subnet get theirs, and the length of its prefix. */
  readonly pools?: readonly AddressPools[];
  /** `bip`: the default network's gateway with the length of its subnet's prefix, `10.1.0.1/16`. */
  readonly bridgeAddress?: string;
  /** `fixed-cidr`: the part of the default network's subnet that containers get addresses of. */
  readonly addressRange?: string;
  /** `mtu`, of the default network. */
  readonly mtu?: number;
  /** `ip`: where ports of the default network's containers are published that name no address; 0.0.0.0. */
  readonly publishAddress?: string;
  /** `icc`: whether containers of the default network reach each other; true. */
  readonly icc?: boolean;
}

export interface AddressPools {
  readonly base: string;
  readonly size: number;
}

/** @throws Failure("invalid") in dockerd's words */
export function checkDefaults(defaults: NetworkDefaults): void {
  const { pools = [], bridgeAddress, addressRange, publishAddress, mtu } = defaults;
  for (const { base, size } of pools) {
    const subnet = parseSubnet(base);
    if (subnet === undefined || subnet.family !== 4)
      throw new Failure(
        "invalid",
        `invalid base pool ${JSON.stringify(base)}: invalid CIDR address: ${base}`,
      );
    if (!Number.isInteger(size) || size < subnet.bits || size > 30)
      throw new Failure("invalid", `invalid size ${size} for address pool ${base}`);
  }
  if (bridgeAddress !== undefined) {
    const [address = ""] = bridgeAddress.split("/");
    if (parseSubnet(bridgeAddress)?.family !== 4 || parseIp(address) === undefined)
      throw new Failure("invalid", `invalid CIDR address: ${bridgeAddress}`);
  }
  if (addressRange !== undefined) checkRange(addressRange, bridgeAddress);
  if (publishAddress !== undefined && parseIp(publishAddress)?.family !== 4)
    throw new Failure("invalid", `ip: ${publishAddress} is not an IPv4 address`);
  if (mtu !== undefined && !(Number.isInteger(mtu) && (mtu === 0 || (mtu >= 68 && mtu <= 65_535))))
    throw new Failure("invalid", `invalid default MTU: ${mtu}`);
}

function checkRange(text: string, bridgeAddress: string | undefined): void {
  const range = parseSubnet(text);
  if (range?.family !== 4) throw new Failure("invalid", `invalid CIDR address: ${text}`);
  const whole = bridgeAddress === undefined ? range : parseSubnet(bridgeAddress);
  if (whole === undefined || isInside(range, whole)) return;
  throw new Failure("invalid", `no matching subnet for range ${text}: the bridge has ${bridgeAddress}`);
}
