/** A range of addresses with a common prefix: "172.18.0.0/16". */
import { formatIp, type IpAddress, parseIp } from "./ip_address.ts";

export interface Subnet {
  readonly family: 4 | 6;
  /** The first address, whatever the text said: 10.8.0.1/24 begins at 10.8.0.0. */
  readonly base: bigint;
  /** Length of the prefix. */
  readonly bits: number;
}

/** @returns undefined for what is no subnet */
export function parseSubnet(text: string): Subnet | undefined {
  const [, address = "", length = ""] = /^([^/]+)\/(\d{1,3})$/.exec(text) ?? [];
  const ip = parseIp(address);
  const bits = Number(length);
  if (ip === undefined || bits > widthOf(ip.family)) return undefined;
  const hostBits = BigInt(widthOf(ip.family) - bits);
  return { family: ip.family, base: (ip.value >> hostBits) << hostBits, bits };
}

export function formatSubnet(subnet: Subnet): string {
  return `${formatIp({ family: subnet.family, value: subnet.base })}/${subnet.bits}`;
}

/** Whether a subnet, as text, is of that family. */
export function isOfFamily({ subnet }: { readonly subnet: string }, family: Subnet["family"]): boolean {
  return subnet.includes(":") === (family === 6);
}

/** The last address. */
export function lastOf(subnet: Subnet): bigint {
  return subnet.base + (1n << BigInt(widthOf(subnet.family) - subnet.bits)) - 1n;
}

export function contains(subnet: Subnet, ip: IpAddress): boolean {
  return ip.family === subnet.family && ip.value >= subnet.base && ip.value <= lastOf(subnet);
}

export function overlaps(one: Subnet, other: Subnet): boolean {
  return one.family === other.family && one.base <= lastOf(other) && other.base <= lastOf(one);
}

function widthOf(family: 4 | 6): number {
  return family === 4 ? 32 : 128;
}
