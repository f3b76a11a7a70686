/** What an operator decides about networks of which their user says nothing (dockerd's `daemon.json`). */
import { Failure } from "../errors.ts";
import { parseIp } from "./ip_address.ts";
import { parseSubnet } from "./subnet.ts";

export interface NetworkDefaults {
  /** `default-address-pools`: where networks without a subnet get theirs, and the length of its prefix. */
  readonly pools?: readonly AddressPools[];
  /** `bip`: the default network's gateway with the length of its subnet's prefix, `10.1.0.1/16`. */
  readonly bridgeAddress?: string;
  /** `mtu`, of the default network. */
  readonly mtu?: number;
}

export interface AddressPools {
  readonly base: string;
  readonly size: number;
}

/** @throws Failure("invalid") in dockerd's words */
export function checkDefaults({ pools = [], bridgeAddress, mtu }: NetworkDefaults): void {
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
  if (mtu !== undefined && !(Number.isInteger(mtu) && (mtu === 0 || (mtu >= 68 && mtu <= 65_535))))
    throw new Failure("invalid", `invalid default MTU: ${mtu}`);
}
