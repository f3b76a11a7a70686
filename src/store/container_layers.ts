/**
 * `layerdb/mounts/<container id>/`: which driver directories are a container's (behaviours B142). An entry is staged
 * and renamed into place, and renamed away before it is deleted: dockerd does not start on a half entry.
 */
import { randomBytes } from "node:crypto";
import { existsSync, renameSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";
import type { CacheId, Driver } from "../driver/index.ts";
import { Failure } from "../errors.ts";
import { isDigest, type ChainId } from "../oci/index.ts";
import { ensureDirectory, makeDirectory, syncDirectory, writeSynced } from "./atomic_write.ts";
import { modes, type StorePaths } from "./paths.ts";
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
    async create(containerId, parent, { durable = true } = {}) {
      const entry = paths.mountOf(containerId);
      if (existsSync(entry)) throw inUse(containerId);
      const top = parent === undefined ? undefined : await layers.get(parent);
      if (parent !== undefined && top === undefined)
        throw new Failure("not-found", `cannot create container ${containerId}: no layer ${parent}`);
      const mountId = randomBytes(32).toString("hex");
      const layer = describe(containerId, mountId, undefined, parent);
      try {
        await makeWritableLayer(driver, layer, { below: top?.cacheId, durable });
        await publish(paths, layer);
      } catch (error) {
        await removeWritableLayer(driver, layer);
        throw error;
      }
      return layer;
    },

    async adopt(layer) {
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
      const layer = read(paths, containerId);
      if (layer === undefined) return;
      const leaving = stagingPath(paths);
      await ensureDirectory(dirname(leaving), modes.shared);
      renameSync(paths.mountOf(containerId), leaving);
      try {
        await removeWritableLayer(driver, layer);
      } catch (error) {
        // Still mounted, most likely: the container stays, to be removed later.
        renameSync(leaving, paths.mountOf(containerId));
        throw error;
      }
      await syncDirectory(paths.mounts);
      rmSync(leaving, { recursive: true, force: true });
    },
  };
}

/** A container without an init layer (BuildKit in dockerd makes some) gets the name that it would have. */
function describe(
  containerId: string,
  mountId: CacheId,
  initId: CacheId | undefined,
  parent: ChainId | undefined,
): ContainerLayer {
  return {
    containerId,
    mountId,
    initId: initId ?? `${mountId}-init`,
    ...(parent === undefined ? {} : { parent }),
  };
}

function stagingPath(paths: StorePaths): string {
  return join(paths.layerStaging, `write-set-${randomBytes(8).toString("hex")}`);
}

async function publish(paths: StorePaths, layer: ContainerLayer): Promise<void> {
  const staging = stagingPath(paths);
  await ensureDirectory(dirname(staging), modes.shared);
  makeDirectory(staging, modes.shared);
  const files: [string, string][] = [
    ["mount-id", layer.mountId],
    ["init-id", layer.initId],
  ];
  if (layer.parent !== undefined) files.push(["parent", layer.parent]);
  try {
    await Promise.all(files.map(([name, text]) => writeSynced(join(staging, name), text, modes.sharedFile)));
    await syncDirectory(staging);
    await ensureDirectory(paths.mounts, modes.shared);
    renameSync(staging, paths.mountOf(layer.containerId));
  } catch (error) {
    rmSync(staging, { recursive: true, force: true });
    const { code } = error as NodeJS.ErrnoException;
    throw code === "ENOTEMPTY" || code === "EEXIST" ? inUse(layer.containerId) : error;
  }
  await syncDirectory(paths.mounts);
}

function inUse(containerId: string): Failure {
  return new Failure("conflict", `cannot create container ${containerId}: it has a writable layer already`);
}

function read(paths: StorePaths, containerId: string): ContainerLayer | undefined {
  const entry = paths.mountOf(containerId);
  const mountId = readTextIfThere(join(entry, "mount-id"));
  if (mountId === undefined) return undefined;
  const initId = readTextIfThere(join(entry, "init-id"));
  const parent = readTextIfThere(join(entry, "parent"));
  const wrong = [mountId, initId].find((id) => id !== undefined && !/^[0-9a-z]{8,64}(-init)?$/.test(id));
  if (wrong !== undefined || (parent !== undefined && !isDigest(parent)))
    throw new Failure("corrupt", `cannot read container ${containerId}: bad entry in layerdb/mounts`);
  return describe(containerId, mountId, initId, parent);
}
