/** Namespaces of network and of IPC that a file holds (network_namespaces(7), ipc_namespaces(7), ip-netns(8)). */
import type { ByteString } from "../byte_string.ts";
import { AT_FDCWD, MS_BIND, O_CLOEXEC, O_CREAT, O_EXCL, O_RDONLY } from "./constants.ts";
import { declareCalls, errno } from "./libc.ts";
import { mount, unmount } from "./mount.ts";
import { unlinkAt } from "./names.ts";
import { close, openAt } from "./open.ts";
import { isSysError, SysError } from "./sys_error.ts";

const calls = declareCalls({
  unshare: ["int", "int"],
  setns: ["int", "int", "int"],
  socket: ["int", "int", "int", "int"],
  ioctl: ["int", "int", "unsigned long", "void *"],
});

interface Kind {
  readonly flag: number;
  /** Of the calling thread; /proc/self is the main thread's. */
  readonly own: string;
}

const net: Kind = { flag: 0x40000000, own: "/proc/thread-self/ns/net" };
const ipc: Kind = { flag: 0x08000000, own: "/proc/thread-self/ns/ipc" };

/**
 * Makes a network namespace with nothing but a loopback interface that is up, and a file that keeps it in being.
 * The thread is inside for the length of this call; what other threads do meanwhile is not touched.
 * @param path must not be there
 * @throws SysError (EEXIST; EPERM without CAP_SYS_ADMIN)
 */
export function createNetworkNamespace(path: ByteString): void {
  createNamespace(path, net, raiseLoopback);
}

/** As {@link createNetworkNamespace}: System V objects and message queues. {@link removeNetworkNamespace} lets go of it, too. */
export function createIpcNamespace(path: ByteString): void {
  createNamespace(path, ipc, () => undefined);
}

function createNamespace(path: ByteString, kind: Kind, prepare: () => void): void {
  // Refuses a file that is there: it could be the mount of another one.
  close(openAt(AT_FDCWD, path, O_RDONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o444));
  try {
    comingBack(kind, () => {
      if (calls().unshare(kind.flag) < 0) throw new SysError(errno(), "unshare", path);
      prepare();
      mount(kind.own, path, "", MS_BIND);
    });
  } catch (error) {
    removeNetworkNamespace(path);
    throw error;
  }
}

/**
 * Lets go of a namespace: it ends with its last process. A file that is no mount, and one that is not there, are
 * removed alike.
 * @throws SysError
 */
export function removeNetworkNamespace(path: ByteString): void {
  try {
    unmount(path, { detach: true });
  } catch (error) {
    if (!isSysError(error, "EINVAL", "ENOENT")) throw error;
  }
  try {
    unlinkAt(AT_FDCWD, path);
  } catch (error) {
    if (!isSysError(error, "ENOENT")) throw error;
  }
}

/**
 * Does something inside the namespace of a file. Sockets and processes that the thread makes meanwhile are of that namespace,
 * and stay there.
 * @param action ends when it returns: what it does later is done outside
 * @throws SysError
 */
export function inNetworkNamespace<T>(path: ByteString, action: () => T): T {
  return comingBack(net, () => {
    const fd = openAt(AT_FDCWD, path, O_RDONLY | O_CLOEXEC);
    try {
      if (calls().setns(fd, net.flag) < 0) throw new SysError(errno(), "setns", path);
    } finally {
      close(fd);
    }
    return action();
  });
}

/** The thread is afterwards where it was before. */
function comingBack<T>(kind: Kind, action: () => T): T {
  const home = openAt(AT_FDCWD, kind.own, O_RDONLY | O_CLOEXEC);
  try {
    return action();
  } finally {
    goBack(kind, home);
  }
}

function goBack({ flag, own }: Kind, home: number): void {
  const code = calls().setns(home, flag) < 0 ? errno() : 0;
  close(home);
  if (code !== 0) throw new SysError(code, "setns", own);
}

const AF_INET = 2;
const SOCK_DGRAM_CLOEXEC = 0o2000002;
/** linux/sockios.h, linux/if.h */
const SIOCSIFFLAGS = 0x8914;
const IFF_UP = 1;

function raiseLoopback(): void {
  const socket = calls().socket(AF_INET, SOCK_DGRAM_CLOEXEC, 0);
  if (socket < 0) throw new SysError(errno(), "socket");
  // struct ifreq: 16 bytes of name, then the flags.
  const request = Buffer.alloc(40);
  request.write("lo");
  request.writeInt16LE(IFF_UP, 16);
  const code = calls().ioctl(socket, SIOCSIFFLAGS, request) < 0 ? errno() : 0;
  close(socket);
  if (code !== 0) throw new SysError(code, "ioctl", "lo");
}
