/** `RUN --mount=type=cache`: a directory that outlives the build. */
import { chmod, chown } from "node:fs/promises";
import { posix } from "node:path";
import { statSync } from "node:fs";
import { fromText } from "../../byte_string.ts";
import type { RunMount } from "../../dockerfile/index.ts";
import { copyTree, ownershipHere } from "../../driver/index.ts";
import type { StepMount } from "../types.ts";
import { accessOf, invalid, targetOf } from "./mount_words.ts";
import { openSource } from "./source_directory.ts";
import { takeCache } from "./take_cache.ts";
import type { MountPlace } from "./types.ts";

/** Takes the cache until `open` is disposed of; one that is not there yet is made, from what `from` and `source` name. */
export async function cacheMount(
  mount: RunMount,
  place: MountPlace,
  open: AsyncDisposableStack,
): Promise<StepMount> {
  const destination = targetOf(mount, place.workingDir);
  const access = accessOf(mount, 0o755);
  const cache = await takeCache(place.store.root, {
    id: await idOf(mount, place),
    sharing: mount.sharing ?? "shared",
    ...(place.onWait !== undefined && { onWait: place.onWait }),
    signal: place.signal,
    fill: async (directory) => {
      if (mount.from !== undefined) await fillFrom(mount, place, directory);
      if (mount.from !== undefined && !hasAccess(mount)) return;
      await chown(directory, access.uid, access.gid);
      await chmod(directory, access.mode);
    },
  });
  open.use(cache);
  return { type: "bind", source: cache.path, destination, readOnly: mount.readWrite === false };
}

function hasAccess({ mode, uid, gid }: RunMount): boolean {
  return mode !== undefined || uid !== undefined || gid !== undefined;
}

/** As in BuildKit: the target by default, and caches that began differently are different ones. */
async function idOf(mount: RunMount, place: MountPlace): Promise<string> {
  const id = mount.id || posix.normalize(mount.target ?? "");
  if (mount.from === undefined) return id;
  const source = await place.sources(mount.from);
  const start = "top" in source ? (source.top ?? "scratch") : source.name;
  return `${id}:${start}:${mount.source ?? ""}`;
}

async function fillFrom(mount: RunMount, place: MountPlace, directory: string): Promise<void> {
  await using open = new AsyncDisposableStack();
  const path = mount.source ?? ".";
  const source = await openSource({ from: mount.from, path, writable: false }, place, open);
  if (!statSync(source).isDirectory()) throw invalid(`cannot fill a cache from "${path}": not a directory`);
  await copyTree(fromText(source), fromText(directory), ownershipHere());
}
