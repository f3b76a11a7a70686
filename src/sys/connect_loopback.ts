/** A connection to the loopback of another network namespace (setns(2), connect(2), ip(7), ipv6(7)). */
import type { ByteString } from "../byte_string.ts";
import { declareCalls, errno } from "./libc.ts";
import { inNetworkNamespace } from "./network_namespace.ts";
import { close } from "./open.ts";
import { whenWritable } from "./send_file.ts";
import { isSysError, SysError } from "./sys_error.ts";

const calls = declareCalls({
  socket: ["int", "int", "int", "int"],
  connect: ["int", "int", "const void *", "uint32_t"],
});

const SOCK_STREAM_NONBLOCK_CLOEXEC = 0o2004001;
const EINPROGRESS = 115;
const EISCONN = 106;
const families = { AF_INET: 2, AF_INET6: 10 } as const;

/**
 * @param namespace the file that holds it
 * @returns a descriptor of a stream that does not block, for the caller to close
 * @throws SysError (ECONNREFUSED where nobody listens on 127.0.0.1 or ::1); Failure("cancelled")
 */
export async function connectLoopback(
  namespace: ByteString,
  port: number,
  signal: AbortSignal,
): Promise<number> {
  try {
    return await connectTo(namespace, ipv4(port), families.AF_INET, signal);
  } catch (error) {
    if (!isSysError(error, "ECONNREFUSED")) throw error;
    // What is told is the refusal of the usual one, also where there is no other.
    return connectTo(namespace, ipv6(port), families.AF_INET6, signal).catch(() => {
      throw error;
    });
  }
}

async function connectTo(
  namespace: ByteString,
  address: Buffer,
  family: number,
  signal: AbortSignal,
): Promise<number> {
  const fd = inNetworkNamespace(namespace, () => {
    const made = calls().socket(family, SOCK_STREAM_NONBLOCK_CLOEXEC, 0);
    if (made < 0) throw new SysError(errno(), "socket");
    return made;
  });
  try {
    // A socket stays in the namespace that it was made in.
    if (!isConnected(fd, address)) {
      await whenWritable(fd, signal);
      if (!isConnected(fd, address)) throw new SysError(EINPROGRESS, "connect");
    }
    return fd;
  } catch (error) {
    close(fd);
    throw error;
  }
}

/** Begins it, or asks again how it went. @throws SysError */
function isConnected(fd: number, address: Buffer): boolean {
  if (calls().connect(fd, address, address.length) === 0) return true;
  const code = errno();
  if (code === EISCONN) return true;
  if (code === EINPROGRESS) return false;
  throw new SysError(code, "connect");
}

/** struct sockaddr_in */
function ipv4(port: number): Buffer {
  const address = Buffer.alloc(16);
  address.writeUInt16LE(families.AF_INET, 0);
  address.writeUInt16BE(port, 2);
  address.set([127, 0, 0, 1], 4);
  return address;
}

/** struct sockaddr_in6 */
function ipv6(port: number): Buffer {
  const address = Buffer.alloc(28);
  address.writeUInt16LE(families.AF_INET6, 0);
  address.writeUInt16BE(port, 2);
  address[23] = 1;
  return address;
}
