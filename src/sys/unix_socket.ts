/** Unix sockets that hand over descriptors: runc's `--console-socket` (runc docs/terminals.md, unix(7)). */
import type { ByteString } from "../byte_string.ts";
import { Failure } from "../errors.ts";
import { AT_FDCWD } from "./constants.ts";
import { declareCalls, errno, koffi } from "./libc.ts";
import { unlinkAt } from "./names.ts";
import { close } from "./open.ts";
import { whenReadable } from "./readable.ts";
import { isSysError, SysError } from "./sys_error.ts";

const calls = declareCalls({
  socket: ["int", "int", "int", "int"],
  bind: ["int", "int", "const void *", "uint32_t"],
  listen: ["int", "int", "int"],
  accept4: ["int", "int", "void *", "void *", "int"],
  recvmsg: ["intptr_t", "int", "void *", "int"],
});

const AF_UNIX = 1;
const SOCK_STREAM = 1;
const SOCK_NONBLOCK = 0o4000;
const SOCK_CLOEXEC = 0o2000000;
const SOL_SOCKET = 1;
const SCM_RIGHTS = 1;
const MSG_CMSG_CLOEXEC = 0x40000000;
const EAGAIN = 11;
/** `struct sockaddr_un`: 2 bytes of family, 108 of path with its NUL. */
const maximumPath = 107;

/** A listening socket. Disposing closes it and removes its name. */
export interface UnixListener extends Disposable {
  readonly fd: number;
  /** The next connection's descriptor, which the caller closes. @throws Failure("cancelled") SysError */
  accept(signal: AbortSignal): Promise<number>;
}

/** @throws Failure("invalid") for a path over 107 bytes; SysError (EADDRINUSE: the name exists) */
export function listenUnix(path: ByteString): UnixListener {
  if (path.length > maximumPath) {
    throw new Failure("invalid", `socket path ${path} is longer than ${maximumPath} bytes`);
  }
  const fd = calls().socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) throw new SysError(errno(), "socket");
  const address = Buffer.alloc(path.length + 3);
  address.writeUInt16LE(AF_UNIX, 0);
  address.write(path, 2, "latin1");
  try {
    if (calls().bind(fd, address, address.length) < 0) throw new SysError(errno(), "bind", path);
    if (calls().listen(fd, 16) < 0) throw new SysError(errno(), "listen", path);
  } catch (error) {
    close(fd);
    throw error;
  }
  return {
    fd,
    accept: (signal) => acceptConnection(fd, signal),
    [Symbol.dispose]: () => {
      close(fd);
      try {
        unlinkAt(AT_FDCWD, path);
      } catch (error) {
        if (!isSysError(error, "ENOENT")) throw error;
      }
    },
  };
}

async function acceptConnection(listener: number, signal: AbortSignal): Promise<number> {
  for (;;) {
    const fd = calls().accept4(listener, null, null, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd >= 0) return fd;
    const code = errno();
    if (code !== EAGAIN) throw new SysError(code, "accept");
    await whenReadable(listener, signal);
  }
}

/**
 * Waits for one message that carries a descriptor (SCM_RIGHTS) and gives that descriptor, close-on-exec.
 * @param socketFd a connected, non-blocking socket
 * @throws Failure("unavailable") when the peer hangs up or sends none; Failure("cancelled"); SysError
 */
export async function receiveFd(socketFd: number, signal: AbortSignal): Promise<number> {
  for (;;) {
    const received = tryReceive(socketFd);
    if (received !== undefined) return received;
    await whenReadable(socketFd, signal);
  }
}

/** @returns undefined when nothing has come yet */
function tryReceive(socketFd: number): number | undefined {
  // runc puts the terminal's name into the message's data.
  const data = Buffer.alloc(4096);
  const control = Buffer.alloc(64);
  // struct iovec { void *base; size_t length }
  const vector = new BigUint64Array([koffi().address(data), BigInt(data.length)]);
  // struct msghdr { name, namelen, iov, iovlen, control, controllen, flags }, each padded to 8 bytes
  const header = new BigUint64Array([
    0n,
    0n,
    koffi().address(vector),
    1n,
    koffi().address(control),
    BigInt(control.length),
    0n,
  ]);
  const count = calls().recvmsg(socketFd, new Uint8Array(header.buffer), MSG_CMSG_CLOEXEC);
  if (count < 0) {
    const code = errno();
    if (code === EAGAIN) return undefined;
    throw new SysError(code, "recvmsg");
  }
  // struct cmsghdr { size_t length; int level, type; } data
  const carries =
    Number(header[5]) >= 20 &&
    control.readInt32LE(8) === SOL_SOCKET &&
    control.readInt32LE(12) === SCM_RIGHTS;
  if (!carries) throw new Failure("unavailable", "the peer of the socket sent no descriptor");
  return control.readInt32LE(16);
}
