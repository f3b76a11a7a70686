/** Addresses as numbers, so that ranges can be counted through. Text as RFC 5952 has it. */
import { isIP } from "node:net";

export interface IpAddress {
  readonly family: 4 | 6;
  readonly value: bigint;
}

/** @returns undefined for what is no address, and for one with a zone ("fe80::1%eth0") */
export function parseIp(text: string): IpAddress | undefined {
  const family = isIP(text);
  if (family === 4) return { family, value: ipv4Value(text) };
  if (family === 6 && !text.includes("%")) return { family, value: ipv6Value(text) };
  return undefined;
}

export function formatIp(address: IpAddress): string {
  return address.family === 4 ? formatIpv4(address.value) : formatIpv6(address.value);
}

function ipv4Value(text: string): bigint {
  return text.split(".").reduce((value, part) => (value << 8n) | BigInt(part), 0n);
}

function ipv6Value(text: string): bigint {
  const [head = "", tail] = text.split("::");
  const before = groups(head);
  const after = tail === undefined ? [] : groups(tail);
  const gap = Array<number>(8 - before.length - after.length).fill(0);
  return [...before, ...gap, ...after].reduce((value, group) => (value << 16n) | BigInt(group), 0n);
}

/** The 16-bit groups of one side of "::"; the last may be a dotted IPv4 address. */
function groups(text: string): number[] {
  if (text === "") return [];
  return text.split(":").flatMap((part) => {
    if (!part.includes(".")) return [Number.parseInt(part, 16)];
    const value = Number(ipv4Value(part));
    return [Math.floor(value / 65_536), value % 65_536];
  });
}

function formatIpv4(value: bigint): string {
  return [24n, 16n, 8n, 0n].map((shift) => ((value >> shift) & 255n).toString()).join(".");
}

function formatIpv6(value: bigint): string {
  const all = Array.from({ length: 8 }, (_, i) => Number((value >> BigInt(112 - 16 * i)) & 0xffffn));
  const zeros = longestZeros(all);
  const hex = (part: readonly number[]): string => part.map((group) => group.toString(16)).join(":");
  if (zeros.length < 2) return hex(all);
  return `${hex(all.slice(0, zeros.start))}::${hex(all.slice(zeros.start + zeros.length))}`;
}

function longestZeros(all: readonly number[]): { start: number; length: number } {
  let best = { start: 0, length: 0 };
  for (let start = 0; start < all.length; start++) {
    let end = start;
    while (all[end] === 0) end++;
    if (end - start > best.length) best = { start, length: end - start };
  }
  return best;
}
