/** Interfaces, addresses and routes in the kernel's words (linux/if_link.h, if_addr.h, rtnetlink.h). */
import { attribute, type NetlinkRequest, uint32 } from "../sys/index.ts";
import { type IpAddress, parseIp } from "./ip_address.ts";

const [RTM_NEWLINK, RTM_SETLINK, RTM_NEWADDR, RTM_NEWROUTE] = [16, 19, 20, 24];
/** NLM_F_CREATE and NLM_F_EXCL. */
const isNew = 0x600;
/** NLM_F_CREATE and NLM_F_REPLACE. */
const isReplaced = 0x500;
const IFF_UP = 1;

export interface VethRequest {
  readonly outer: string;
  /** Index of the bridge that the outer end belongs to. */
  readonly bridge: number;
  readonly inner: string;
  readonly innerMac: string;
  /** Descriptor of the namespace of the inner end. */
  readonly namespace: number;
  readonly mtu: number | undefined;
}

/** A pair of interfaces; the outer one is up. */
export function newVeth({ outer, bridge, inner, innerMac, namespace, mtu }: VethRequest): NetlinkRequest {
  const size = mtu === undefined ? [] : [attribute(4, uint32(mtu))];
  const peer = attribute(
    1,
    linkHeader(0, 0),
    name(inner),
    attribute(1, Buffer.from(innerMac.replaceAll(":", ""), "hex")),
    ...size,
    attribute(28, uint32(namespace)),
  );
  const info = attribute(18, attribute(1, Buffer.from("veth\0")), attribute(2, peer));
  const payload = [linkHeader(0, IFF_UP), name(outer), ...size, attribute(10, uint32(bridge)), info];
  return { type: RTM_NEWLINK, flags: isNew, payload: Buffer.concat(payload), subject: `veth ${outer}` };
}

export function raiseLink(index: number): NetlinkRequest {
  return { type: RTM_NEWLINK, payload: linkHeader(index, IFF_UP), subject: `interface ${index}` };
}

/** IPv6 addresses are ours alone: nobody needs to be asked for duplicates. */
export function newAddress(index: number, text: string, prefix: number): NetlinkRequest {
  const { ip, bytes } = addressOf(text);
  const head = Buffer.from([familyOf(ip), prefix, ip.family === 6 ? IFA_F_NODAD : 0, 0, 0, 0, 0, 0]);
  head.writeUInt32LE(index, 4);
  const attributes = [attribute(2, bytes), attribute(1, bytes)];
  if (ip.family === 4) {
    const broadcast = Number(ip.value) | (2 ** (32 - prefix) - 1);
    const wire = Buffer.alloc(4);
    wire.writeInt32BE(broadcast);
    attributes.push(attribute(4, wire));
  }
  const payload = Buffer.concat([head, ...attributes]);
  return { type: RTM_NEWADDR, flags: isNew, payload, subject: `address ${text}` };
}

const IFA_F_NODAD = 2;

/** The way out, instead of the one that there is. */
export function defaultRoute(index: number, gateway: string): NetlinkRequest {
  const { ip, bytes } = addressOf(gateway);
  const [main, fromUs, unicast] = [254, 4, 1];
  const head = Buffer.from([familyOf(ip), 0, 0, 0, main, fromUs, 0, unicast, 0, 0, 0, 0]);
  const attributes = [attribute(5, bytes), attribute(4, uint32(index))];
  const payload = Buffer.concat([head, ...attributes]);
  return { type: RTM_NEWROUTE, flags: isReplaced, payload, subject: `route by ${gateway}` };
}

/**
 * Flags of a port of a bridge (bridge(8)).
 * @param isolated it reaches no other isolated port @param hairpin what comes in may go out again
 */
export function bridgePort(
  index: number,
  { isolated, hairpin }: { readonly isolated: boolean; readonly hairpin: boolean },
): NetlinkRequest {
  const [AF_BRIDGE, protocolInfo, mode, isolation] = [7, 12 | 0x8000, 4, 33];
  const header = linkHeader(index, 0);
  header[0] = AF_BRIDGE;
  const flags = [attribute(mode, Buffer.from([+hairpin])), attribute(isolation, Buffer.from([+isolated]))];
  const payload = Buffer.concat([header, attribute(protocolInfo, ...flags)]);
  return { type: RTM_SETLINK, payload, subject: `port ${index} of a bridge` };
}

function linkHeader(index: number, flags: number): Buffer {
  const header = Buffer.alloc(16);
  header.writeInt32LE(index, 4);
  header.writeUInt32LE(flags, 8);
  header.writeUInt32LE(flags, 12);
  return header;
}

function name(text: string): Buffer {
  return attribute(3, Buffer.from(`${text}\0`));
}

function familyOf({ family }: IpAddress): number {
  return family === 4 ? 2 : 10;
}

function addressOf(text: string): { readonly ip: IpAddress; readonly bytes: Buffer } {
  const ip = parseIp(text) as IpAddress;
  const digits = ip.value.toString(16).padStart(ip.family === 4 ? 8 : 32, "0");
  return { ip, bytes: Buffer.from(digits, "hex") };
}
