/** Tells the service manager how this service is (sd_notify(3)). */
import { declareCalls } from "./libc.ts";
import { close } from "./open.ts";

const calls = declareCalls({
  socket: ["int", "int", "int", "int"],
  sendto: ["intptr_t", "int", "const void *", "size_t", "int", "const void *", "uint32_t"],
});

const AF_UNIX = 1;
const SOCK_DGRAM = 2;
const SOCK_CLOEXEC = 0o2000000;
const MSG_NOSIGNAL = 0x4000;

/**
 * Sends `READY=1` and the like; nobody need be there to hear it.
 * @param address of `NOTIFY_SOCKET`: a path, or `@` and a name that no file has
 */
export function notifyService(address: string, state: string): void {
  const fd = calls().socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return;
  const name = Buffer.from(address.replace(/^@/, "\0"));
  const to = Buffer.concat([Buffer.from(new Uint16Array([AF_UNIX]).buffer), name]);
  const bytes = Buffer.from(state);
  calls().sendto(fd, bytes, bytes.length, MSG_NOSIGNAL, to, to.length);
  close(fd);
}
