/**
 * `RUN --mount=type=ssh`: an agent's socket. Not the socket itself, which belongs to a user of this machine: one of ours,
 * whose owner and mode are the mount's, that hands on to it.
 */
import { chmodSync, chownSync, closeSync, openSync, statSync } from "node:fs";
import { connect, createServer } from "node:net";
import type { Duplex } from "node:stream";
import { join } from "node:path";
import type { RunMount } from "../../dockerfile/index.ts";
import { Failure } from "../../errors.ts";
import type { AgentSource, StepMount } from "../types.ts";
import type { MemoryDirectory } from "./memory_directory.ts";
import { accessOf, targetOf } from "./mount_words.ts";
import type { MountPlace } from "./types.ts";

/**
 * @param index among the step's mounts of this type, from 0
 * @returns undefined for one that was not given and is not required
 * @throws {Failure} `not-found` in BuildKit's words (solver/llbsolver/mounts/mount.go)
 */
export async function sshMount(
  mount: RunMount,
  place: MountPlace,
  memory: MemoryDirectory,
  index: number,
  open: AsyncDisposableStack,
): Promise<StepMount | undefined> {
  const id = mount.source || mount.id || "default";
  const agent = await place.ssh.get(id);
  if (agent === undefined) {
    if (mount.required !== true) return undefined;
    throw new Failure("not-found", `no SSH key "${id}" forwarded from the client`, {
      hint: `Give it to the build: --ssh ${id}, with an agent running (SSH_AUTH_SOCK), or --ssh ${id}=SOCKET.`,
    });
  }
  const destination = targetOf(mount, place.workingDir, mount.target ?? `/run/buildkit/ssh_agent.${index}`);
  if (typeof agent === "string" && statSync(agent, { throwIfNoEntry: false })?.isSocket() !== true)
    throw new Failure("invalid", `cannot forward SSH agent ${id}: ${agent} is not a socket`);
  const directory = await memory.path();
  const name = `agent-${index}`;
  open.use(await forward(agent, directory, name));
  const source = join(directory, name);
  const { mode, uid, gid } = accessOf(mount, 0o600);
  chownSync(source, uid, gid);
  chmodSync(source, mode);
  return { type: "bind", source, destination, readOnly: true };
}

async function forward(agent: AgentSource, directory: string, name: string): Promise<AsyncDisposable> {
  const sockets = new Set<Duplex>();
  const keep = (socket: Duplex): Duplex => {
    sockets.add(socket);
    return socket.once("close", () => sockets.delete(socket));
  };
  const call = (): Duplex => (typeof agent === "string" ? connect({ path: agent }) : agent.connect());
  const server = createServer((client) => bridge(keep(client), keep(call())));
  // A socket's path has 107 bytes at most, and data roots may be deep.
  const fd = openSync(directory, "r");
  const listening = Promise.withResolvers<void>();
  server.once("error", listening.reject);
  server.listen({ path: `/proc/self/fd/${fd}/${name}` }, listening.resolve);
  try {
    await listening.promise;
  } catch (error) {
    closeSync(fd);
    throw error;
  }
  return {
    [Symbol.asyncDispose]: async () => {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
      closeSync(fd);
    },
  };
}

/** Each gets what the other sends; both end together. */
function bridge(one: Duplex, other: Duplex): void {
  for (const [from, to] of [
    [one, other],
    [other, one],
  ] as const) {
    from.pipe(to);
    from.on("error", () => to.destroy());
    from.on("close", () => to.destroy());
  }
}
