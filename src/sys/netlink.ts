/** Requests to the kernel about interfaces, addresses and routes (rtnetlink(7)), answered at once. */
import { close } from "./open.ts";
import { declareCalls, errno } from "./libc.ts";
import { SysError } from "./sys_error.ts";

const calls = declareCalls({
  socket: ["int", "int", "int", "int"],
  send: ["long", "int", "void *", "size_t", "int"],
  recv: ["long", "int", "void *", "size_t", "int"],
  if_nametoindex: ["unsigned int", "str"],
});

const AF_NETLINK = 16;
const SOCK_RAW_CLOEXEC = 0o2000003;
const NETLINK_ROUTE = 0;
const NLM_F_REQUEST = 1;
const NLM_F_ACK = 4;
const NLMSG_ERROR = 2;

export interface NetlinkRequest {
  /** RTM_… */
  readonly type: number;
  /** NLM_F_… beside those of every request. */
  readonly flags?: number;
  /** What comes after the header of the message; see {@link attribute}. */
  readonly payload: Uint8Array;
  /** What it is about, for the error. */
  readonly subject: string;
}

/**
 * Sends requests one by one in the network namespace of the calling thread, which waits for each answer.
 * @throws SysError of the first that the kernel refuses; the others are not sent
 */
export function askKernel(requests: readonly NetlinkRequest[]): void {
  const socket = calls().socket(AF_NETLINK, SOCK_RAW_CLOEXEC, NETLINK_ROUTE);
  if (socket < 0) throw new SysError(errno(), "socket");
  try {
    requests.forEach((request, index) => ask(socket, request, index + 1));
  } finally {
    close(socket);
  }
}

function ask(socket: number, { type, flags = 0, payload, subject }: NetlinkRequest, sequence: number): void {
  const message = Buffer.alloc(16 + payload.length);
  message.writeUInt32LE(message.length, 0);
  message.writeUInt16LE(type, 4);
  message.writeUInt16LE(flags | NLM_F_REQUEST | NLM_F_ACK, 6);
  message.writeUInt32LE(sequence, 8);
  message.set(payload, 16);
  if (calls().send(socket, message, message.length, 0) < 0) throw new SysError(errno(), "netlink", subject);
  // An answer repeats the request behind its own header.
  const answer = Buffer.alloc(8192);
  const length = calls().recv(socket, answer, answer.length, 0);
  if (length < 0) throw new SysError(errno(), "netlink", subject);
  const code = answer.readUInt16LE(4) === NLMSG_ERROR ? -answer.readInt32LE(16) : 0;
  if (code !== 0) throw new SysError(code, "netlink", subject);
}

/** An attribute: length, type, value, padded to four bytes. */
export function attribute(type: number, ...values: readonly Uint8Array[]): Buffer {
  const value = Buffer.concat(values);
  const whole = Buffer.alloc(4 + ((value.length + 3) & ~3));
  whole.writeUInt16LE(4 + value.length, 0);
  whole.writeUInt16LE(type, 2);
  whole.set(value, 4);
  return whole;
}

/** A number of 32 bits as a value. */
export function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value);
  return bytes;
}

/** The index of an interface of the thread's namespace. @throws SysError (ENODEV) */
export function interfaceIndex(name: string): number {
  const index = calls().if_nametoindex(name);
  if (index === 0) throw new SysError(errno(), "if_nametoindex", name);
  return index;
}
