/** `RUN --mount`: makes ready what a step's command sees (Dockerfile reference, "RUN --mount"). */
import type { RunMount } from "../../dockerfile/index.ts";
import type { StepMount } from "../types.ts";
import { cacheMount } from "./cache_mount.ts";
import { memoryDirectory, type MemoryDirectory } from "./memory_directory.ts";
import { sizeOf, targetOf } from "./mount_words.ts";
import { secretMount } from "./secret_mount.ts";
import { openSource } from "./source_directory.ts";
import { sshMount } from "./ssh_mount.ts";
import type { MountPlace, PreparedMounts } from "./types.ts";

/**
 * Makes the mounts of one step, in their order; variables in their words are expanded already.
 * @throws {Failure} `invalid` for words that make no sense, `not-found` for a missing source, secret or agent, `cancelled`;
 *   nothing is left then
 */
export async function prepareMounts(mounts: readonly RunMount[], place: MountPlace): Promise<PreparedMounts> {
  await using open = new AsyncDisposableStack();
  const preparing = { place, open, memory: memoryDirectory(place.session, open), agents: 0 };
  const prepared: { readonly mounts: readonly StepMount[]; readonly env: readonly string[] }[] = [];
  for (const [index, mount] of mounts.entries()) prepared.push(await prepare(mount, index, preparing));
  const held = open.move();
  return {
    mounts: prepared.flatMap((one) => one.mounts),
    env: prepared.flatMap((one) => one.env),
    [Symbol.asyncDispose]: () => held.disposeAsync(),
  };
}

interface Preparing {
  readonly place: MountPlace;
  readonly open: AsyncDisposableStack;
  readonly memory: MemoryDirectory;
  /** How many agents' sockets there are so far. */
  agents: number;
}

async function prepare(
  mount: RunMount,
  index: number,
  preparing: Preparing,
): Promise<{ readonly mounts: readonly StepMount[]; readonly env: readonly string[] }> {
  const { place, open, memory } = preparing;
  switch (mount.type) {
    case "bind":
      return { mounts: [await bindMount(mount, place, open)], env: [] };
    case "cache":
      return { mounts: [await cacheMount(mount, place, open)], env: [] };
    case "tmpfs": {
      const destination = targetOf(mount, place.workingDir);
      const size = mount.size === undefined ? {} : { size: sizeOf(mount.size) };
      return { mounts: [{ type: "tmpfs", destination, ...size }], env: [] };
    }
    case "secret":
      return secretMount(mount, place, memory, `secret-${index}`);
    case "ssh":
      return agentMount(mount, preparing);
  }
}

async function bindMount(mount: RunMount, place: MountPlace, open: AsyncDisposableStack): Promise<StepMount> {
  const destination = targetOf(mount, place.workingDir);
  const writable = mount.readWrite === true;
  const source = await openSource({ from: mount.from, path: mount.source ?? ".", writable }, place, open);
  return { type: "bind", source, destination, readOnly: !writable };
}

/** $SSH_AUTH_SOCK names the first of them. */
async function agentMount(
  mount: RunMount,
  preparing: Preparing,
): Promise<{ readonly mounts: readonly StepMount[]; readonly env: readonly string[] }> {
  const index = preparing.agents++;
  const made = await sshMount(mount, preparing.place, preparing.memory, index, preparing.open);
  if (made === undefined) return { mounts: [], env: [] };
  return { mounts: [made], env: index === 0 ? [`SSH_AUTH_SOCK=${made.destination}`] : [] };
}
