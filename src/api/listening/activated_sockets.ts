/** Sockets that systemd opened before it started this process (sd_listen_fds(3)). */
import { readFileSync, readlinkSync } from "node:fs";
import { Failure } from "../../errors.ts";

interface Activation {
  readonly pid: number;
  readonly environment: NodeJS.ProcessEnv;
}

export interface ActivatedSocket {
  readonly fd: number;
  /** Whether it is a unix socket: else it is TCP. */
  readonly unix: boolean;
}

/**
 * @param name `fd://`: all; else those of that name or descriptor number
 * @throws Failure("invalid") in dockerd's words where there are none
 */
export function activatedSockets(name: string, { pid, environment }: Activation): ActivatedSocket[] {
  const { LISTEN_PID, LISTEN_FDS = "0", LISTEN_FDNAMES = "" } = environment;
  const count = LISTEN_PID === String(pid) && /^\d{1,4}$/.test(LISTEN_FDS) ? Number(LISTEN_FDS) : 0;
  if (count === 0) {
    throw new Failure(
      "invalid",
      "no sockets found via socket activation: make sure the service was started by systemd",
    );
  }
  const names = LISTEN_FDNAMES.split(":");
  const all = Array.from({ length: count }, (_, index) => ({ fd: firstSocket + index, name: names[index] }));
  const found =
    name === "" ? all : all.filter((socket) => socket.name === name || String(socket.fd) === name);
  if (found.length > 0) return found.map(({ fd }) => ({ fd, unix: isUnix(fd) }));
  throw new Failure("invalid", `failed to listen on fd://${name}: systemd gave no socket of that name`);
}

/** The kernel lists unix sockets by their inodes. */
function isUnix(fd: number): boolean {
  const inode = /^socket:\[(\d+)\]$/.exec(readlinkSync(`/proc/self/fd/${fd}`))?.[1];
  if (inode === undefined) throw new Failure("invalid", `descriptor ${fd} that systemd gave is no socket`);
  return readFileSync("/proc/net/unix", "latin1")
    .split("\n")
    .some((line) => line.split(/\s+/)[6] === inode);
}

/** SD_LISTEN_FDS_START. */
const firstSocket = 3;

/** After the last call of {@link activatedSockets}: child processes are not to take the sockets for theirs. */
export function forgetActivation(environment: NodeJS.ProcessEnv): void {
  for (const name of ["LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES"]) delete environment[name];
}
