/** Subnets that the host reaches already: no network may take them by chance. */
import { readFileSync } from "node:fs";
import { parseIp } from "./ip_address.ts";
import { parseSubnet, type Subnet } from "./subnet.ts";

/** Destinations of the host's routes but the default ones, and its resolvers. Absent files are empty. */
export function hostSubnets(): Subnet[] {
  return [
    // Of this thread: the process as a whole may have been in another namespace.
    ...parseIpv4Routes(read("/proc/thread-self/net/route")),
    ...parseIpv6Routes(read("/proc/thread-self/net/ipv6_route")),
    ...parseResolvers(read("/etc/resolv.conf")),
  ];
}

/** Whether this thread's host speaks IPv6, with itself at least. */
export function hasIpv6(): boolean {
  return /^0{31}1 /m.test(read("/proc/thread-self/net/if_inet6"));
}

function read(path: string): string {
  try {
    return readFileSync(path, "latin1");
  } catch {
    return "";
  }
}

/** Lines of `Iface Destination Gateway Flags RefCnt Use Metric Mask ...` after a head; numbers in hex, of this host's byte order. */
export function parseIpv4Routes(text: string): Subnet[] {
  const found: Subnet[] = [];
  for (const line of text.split("\n").slice(1)) {
    const fields = line.split(/\s+/);
    const [destination = "", mask = ""] = [fields[1], fields[7]];
    if (!/^[0-9A-F]{8}$/.test(destination) || !/^[0-9A-F]{8}$/.test(mask)) continue;
    const bits = bitsOf(swapped(mask));
    if (bits > 0) found.push({ family: 4, base: BigInt(swapped(destination)), bits });
  }
  return found;
}

function swapped(hex: string): number {
  return Buffer.from(hex, "hex").readUInt32LE();
}

function bitsOf(mask: number): number {
  return mask.toString(2).replaceAll("0", "").length;
}

/** Lines of `destination length source length ...`, all hex; multicast, link-local addresses and the loopback lead nowhere. */
export function parseIpv6Routes(text: string): Subnet[] {
  const found: Subnet[] = [];
  for (const line of text.split("\n")) {
    const [, destination = "", length = ""] = /^([0-9a-f]{32}) ([0-9a-f]{2}) /.exec(line) ?? [];
    const bits = Number.parseInt(length, 16);
    if (destination === "" || bits === 0 || /^(ff|fe80)/.test(destination)) continue;
    found.push({ family: 6, base: BigInt(`0x${destination}`), bits });
  }
  return found;
}

function parseResolvers(text: string): Subnet[] {
  return [...text.matchAll(/^\s*nameserver\s+(\S+)/gm)].flatMap(([, address = ""]) => {
    const ip = parseIp(address);
    const subnet = ip && parseSubnet(`${address}/${ip.family === 4 ? 32 : 128}`);
    return subnet === undefined ? [] : [subnet];
  });
}
