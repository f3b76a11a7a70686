/**
 * `layerdb/mounts/<container id>/`: which driver directories are a container's (behaviours B142). An entry is staged
 * and renamed into place, and renamed away before it is deleted: dockerd does not start on a half entry. It is staged
 * before the directories are made, and stays so until they are gone: after a kill the next removal finds them by it.
 * Where images are mounted in a container a file of ours, `varve-images`, has the tops of their stacks, one a line; dockerd
 * passes it over.
 */
import { randomBytes } from "node:crypto";
import { existsSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";
import type { CacheId, Driver } from "../driver/index.ts";
import { Failure } from "../errors.ts";
import { isDigest, type ChainId } from "../oci/index.ts";
import { ensureDirectory, makeDirectory, syncDirectory, writeSynced } from "./atomic_write.ts";
import { modes, type StorePaths } from "./paths.ts";
import { ignoreCorrupt } from "./ignore_corrupt.ts";
import { listIfThere, readTextIfThere } from "./read_small.ts";
import type { ContainerLayer, ContainerLayers, LayerDb } from "./types.ts";
import { makeWritableLayer, removeWritableLayer } from "./writable_layer.ts";

/** Held while a container is made: names are chosen under it. Before `references`. */
export const containersLock = "containers";

/** The containers' layers of one store. */
export function openContainerLayers(
  paths: StorePaths,
  driver: Driver,
  layers: Pick<LayerDb, "get">,
): ContainerLayers {
  return {
    async create(containerId, parent, { durable = true, mountedTops = [] } = {}) {
      const entry = paths.mountOf(containerId);
      if (existsSync(entry)) throw inUse(containerId);
      const top = parent === undefined ? undefined : await layers.get(parent);
      if (parent !== undefined && top === undefined) throw noLayer(containerId, parent);
      for (const mounted of mountedTops)
        if ((await layers.get(mounted)) === undefined) throw noLayer(containerId, mounted);
      // Somebody was killed who made it.
      await removeStaged(paths, driver, containerId);
      const mountId = randomBytes(32).toString("hex");
      const layer = describe({ containerId, mountId, parent, mountedTops });
      await stage(paths, layer);
      try {
        await makeWritableLayer(driver, layer, { below: top?.cacheId, durable });
        await publish(paths, layer);
      } catch (error) {
        await removeWritableLayer(driver, layer);
        unstage(paths, containerId);
        throw error;
      }
      return layer;
    },

    async adopt(layer) {
      unstage(paths, layer.containerId);
      await stage(paths, layer);
      await publish(paths, layer);
    },

    async get(containerId) {
      return read(paths, containerId);
    },

    async list() {
      return listIfThere(paths.mounts);
    },

    async mount(containerId, options) {
      const layer = read(paths, containerId);
      if (layer === undefined) throw new Failure("not-found", `No such container: ${containerId}`);
      return driver.mount(layer.mountId, options);
    },

    async remove(containerId) {
      const entry = paths.mountOf(containerId);
      const isWhole = existsSync(entry);
      if (isWhole && readEntry(entry, containerId) !== undefined) await putAside(paths, containerId);
      try {
        await removeStaged(paths, driver, containerId);
      } catch (error) {
        // Still mounted, most likely: the container stays, to be removed later.
        if (isWhole) renameSync(stagedEntry(paths, containerId), entry);
        throw error;
      }
      if (isWhole) await syncDirectory(paths.mounts);
    },
  };
}

interface EntryParts {
  readonly containerId: string;
  readonly mountId: CacheId;
  readonly initId?: CacheId | undefined;
  readonly parent: ChainId | undefined;
  readonly mountedTops: readonly ChainId[];
}

/** A container without an init layer (BuildKit in dockerd makes some) gets the name that it would have. */
function describe({ containerId, mountId, initId, parent, mountedTops }: EntryParts): ContainerLayer {
  return {
    containerId,
    mountId,
    initId: initId ?? `${mountId}-init`,
    ...(parent === undefined ? {} : { parent }),
    ...(mountedTops.length > 0 && { mountedTops }),
  };
}

/** Tops of all stacks of layers that the container needs. */
export function topsOf({ parent, mountedTops = [] }: ContainerLayer): ChainId[] {
  return parent === undefined ? [...mountedTops] : [parent, ...mountedTops];
}

/** In the entry of a container with images mounted in it. */
const mountedFile = "varve-images";

/** Of a container whose layer is being made or removed, or was when somebody was killed. */
function stagedEntry(paths: StorePaths, containerId: string): string {
  return join(paths.layerStaging, `write-set-${containerId}`);
}

async function stage(paths: StorePaths, layer: ContainerLayer): Promise<void> {
  const staged = stagedEntry(paths, layer.containerId);
  await ensureDirectory(paths.layerStaging, modes.shared);
  try {
    makeDirectory(staged, modes.shared);
  } catch (error) {
    throw refused(error, layer.containerId);
  }
  const files: [string, string][] = [
    ["mount-id", layer.mountId],
    ["init-id", layer.initId],
  ];
  if (layer.parent !== undefined) files.push(["parent", layer.parent]);
  if (layer.mountedTops !== undefined) files.push([mountedFile, layer.mountedTops.join("\n")]);
  try {
    await Promise.all(files.map(([name, text]) => writeSynced(join(staged, name), text, modes.sharedFile)));
    await syncDirectory(staged);
  } catch (error) {
    unstage(paths, layer.containerId);
    throw error;
  }
}

function unstage(paths: StorePaths, containerId: string): void {
  rmSync(stagedEntry(paths, containerId), { recursive: true, force: true });
}

/** With the directories that it names. Half an entry is from before them, or from after them. */
async function removeStaged(paths: StorePaths, driver: Driver, containerId: string): Promise<void> {
  const staged = stagedEntry(paths, containerId);
  const layer = await ignoreCorrupt((async () => readEntry(staged, containerId))());
  if (layer !== undefined) await removeWritableLayer(driver, layer);
  unstage(paths, containerId);
}

async function publish(paths: StorePaths, { containerId }: ContainerLayer): Promise<void> {
  await ensureDirectory(paths.mounts, modes.shared);
  try {
    renameSync(stagedEntry(paths, containerId), paths.mountOf(containerId));
  } catch (error) {
    unstage(paths, containerId);
    throw refused(error, containerId);
  }
  await syncDirectory(paths.mounts);
}

async function putAside(paths: StorePaths, containerId: string): Promise<void> {
  await ensureDirectory(paths.layerStaging, modes.shared);
  unstage(paths, containerId);
  renameSync(paths.mountOf(containerId), stagedEntry(paths, containerId));
}

function refused(error: unknown, containerId: string): unknown {
  const { code } = error as NodeJS.ErrnoException;
  return code === "ENOTEMPTY" || code === "EEXIST" ? inUse(containerId) : error;
}

function noLayer(containerId: string, chain: ChainId): Failure {
  return new Failure("not-found", `cannot create container ${containerId}: no layer ${chain}`);
}

function inUse(containerId: string): Failure {
  return new Failure("conflict", `cannot create container ${containerId}: it has a writable layer already`);
}

function read(paths: StorePaths, containerId: string): ContainerLayer | undefined {
  return readEntry(paths.mountOf(containerId), containerId);
}

function readEntry(entry: string, containerId: string): ContainerLayer | undefined {
  const mountId = readTextIfThere(join(entry, "mount-id"));
  if (mountId === undefined) return undefined;
  const initId = readTextIfThere(join(entry, "init-id"));
  const parent = readTextIfThere(join(entry, "parent"));
  const mounted = readTextIfThere(join(entry, mountedFile))?.split("\n") ?? [];
  const wrong = [mountId, initId].find((id) => id !== undefined && !/^[0-9a-z]{8,64}(-init)?$/.test(id));
  const mountedTops = mounted.filter(isDigest);
  if (
    wrong !== undefined ||
    mountedTops.length < mounted.length ||
    (parent !== undefined && !isDigest(parent))
  )
    throw new Failure("corrupt", `cannot read container ${containerId}: bad entry in layerdb/mounts`);
  return describe({ containerId, mountId, initId, parent, mountedTops });
}
