/**
 * `layerdb/sha256/`: one entry per layer, named by chain ID (behaviours B134). An entry is staged in `layerdb/tmp`,
 * flushed and renamed into place (B136), so that it is there whole or not at all, and the first of two processes
 * that register the same layer wins.
 */
import { randomBytes } from "node:crypto";
import { existsSync, renameSync, rmSync, statSync } from "node:fs";
import { basename, join } from "node:path";
import type { Driver } from "../driver/index.ts";
import { Failure } from "../errors.ts";
import { isTarTarget } from "../layer/index.ts";
import { chainId as chainOf, isDigest, type ChainId, type Digest } from "../oci/index.ts";
import { ensureDirectory, syncDirectory } from "./atomic_write.ts";
import type { LayerIndex } from "./layer_index.ts";
import { layerTarSize, openLayerTar, type LayerFiles } from "./open_layer_tar.ts";
import { modes, type StorePaths } from "./paths.ts";
import { isMissing, listIfThere, readTextIfThere } from "./read_small.ts";
import { flushStaged, stageLayer, tarSplitName } from "./stage_layer.ts";
import type { LayerDb, NewLayer, StagedLayer, StoredLayer } from "./types.ts";

/**
 * The layers of one store, whose unpacked directories `driver` keeps. With an `index` most questions are answered
 * without reading the entry; without one, each entry is read and checked.
 */
export function openLayerDb(paths: StorePaths, driver: Pick<Driver, "target">, index?: LayerIndex): LayerDb {
  return new FileLayerDb(paths, driver, index);
}

class FileLayerDb implements LayerDb {
  readonly #paths: StorePaths;
  readonly #driver: Pick<Driver, "target">;
  readonly #index: LayerIndex | undefined;

  constructor(paths: StorePaths, driver: Pick<Driver, "target">, index: LayerIndex | undefined) {
    this.#paths = paths;
    this.#driver = driver;
    this.#index = index;
  }

  async get(chainId: ChainId): Promise<StoredLayer | undefined> {
    return this.#get(chainId);
  }

  async list(): Promise<ChainId[]> {
    return listIfThere(this.#paths.layers)
      .map((name) => `sha256:${name}`)
      .filter((id): id is Digest => isDigest(id));
  }

  async register(layer: NewLayer): Promise<StoredLayer> {
    const staged = await this.stage(layer);
    try {
      await flushStaged(staged.directory, layer);
      const { chainId } = staged.publish();
      await this.flush();
      return (
        this.#get(chainId) ?? corrupt(this.#paths.layer(chainId), "it is gone right after it was registered")
      );
    } finally {
      staged.discard();
    }
  }

  async stage(layer: NewLayer): Promise<StagedLayer> {
    const directory = await stageLayer(this.#paths, layer);
    await ensureDirectory(this.#paths.layers, modes.shared);
    return {
      directory,
      publish: () => this.#publish(directory, layer),
      discard: () => rmSync(directory, { recursive: true, force: true }),
    };
  }

  async flush(): Promise<void> {
    await syncDirectory(this.#paths.layers);
  }

  #publish(staging: string, { parent, diffId }: NewLayer): StoredLayer {
    const chainId = chainOf(parent, diffId);
    if (parent !== undefined && this.#get(parent) === undefined)
      throw new Failure("not-found", `cannot register layer ${chainId}: no layer ${parent} below it`);
    const entry = this.#paths.layer(chainId);
    try {
      renameSync(staging, entry);
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      const winner = code === "ENOTEMPTY" || code === "EEXIST" ? this.#get(chainId) : undefined;
      if (winner === undefined) throw error;
      return winner;
    }
    return this.#get(chainId) ?? corrupt(entry, "it is gone right after it was registered");
  }

  async remove(...chainIds: ChainId[]): Promise<void> {
    const leaving = chainIds.flatMap((chainId) => this.#takeAway(chainId) ?? []);
    if (leaving.length > 0) await this.flush();
    for (const path of leaving) rmSync(path, { recursive: true, force: true });
  }

  /** @returns where the entry lies now, if there was one */
  #takeAway(chainId: ChainId): string | undefined {
    const entry = this.#paths.layer(chainId);
    // Docker's spelling: dockerd finishes the removal of such an entry when it starts (moby, layer/layer_store.go).
    const leaving = `${entry}-${randomBytes(32).toString("hex")}-removing`;
    try {
      renameSync(entry, leaving);
    } catch (error) {
      if (isMissing(error)) return undefined;
      throw error;
    }
    this.#index?.remove(chainId);
    return leaving;
  }

  async openTar(chainId: ChainId, options: Parameters<LayerDb["openTar"]>[1]) {
    return openLayerTar(this.#files(chainId), options);
  }

  async tarSize(chainId: ChainId) {
    return layerTarSize(this.#files(chainId));
  }

  #files(chainId: ChainId): LayerFiles {
    const layer = this.#get(chainId);
    if (layer === undefined) throw new Failure("not-found", `no layer ${chainId}`);
    const { diffId } = layer;
    const target = this.#driver.target(layer.cacheId);
    if (isTarTarget(target)) return { diffId, tar: target.tar };
    const tarSplit = join(this.#paths.layer(chainId), tarSplitName);
    return { diffId, tarSplit, directory: target.directory };
  }

  #get(chainId: ChainId): StoredLayer | undefined {
    const known = this.#index?.find(chainId);
    if (known !== undefined) return known;
    const entry = this.#paths.layer(chainId);
    const stats = statSync(entry, { throwIfNoEntry: false });
    if (stats === undefined) return undefined;
    const layer = readEntry(entry, chainId);
    if (layer !== undefined) this.#index?.add(layer, stats);
    return layer;
  }
}

/** Tells without reading whether the store has this layer. */
export function hasLayer(paths: StorePaths, chainId: ChainId): boolean {
  return existsSync(paths.layer(chainId));
}

/** Undefined if the entry went away while it was read. Throws `Failure("corrupt")` for one that is not whole. */
function readEntry(entry: string, chainId: ChainId): StoredLayer | undefined {
  const read = (name: string) => readTextIfThere(join(entry, name));
  const cacheId = read("cache-id");
  const diffId = read("diff");
  const size = read("size");
  const parent = read("parent");
  if (!existsSync(entry)) return undefined;
  // 64 hex digits from Docker's image store and from us; BuildKit inside dockerd makes 25 letters and digits.
  if (cacheId === undefined || !/^[0-9a-z]{8,64}$/.test(cacheId)) corrupt(entry, "bad cache-id");
  if (diffId === undefined || !isDigest(diffId)) corrupt(entry, "bad diff");
  if (size === undefined || !/^\d{1,15}$/.test(size)) corrupt(entry, "bad size");
  if (parent !== undefined && !isDigest(parent)) corrupt(entry, "bad parent");
  if (chainOf(parent, diffId) !== chainId) corrupt(entry, "its diff and parent belong to another layer");
  return { chainId, diffId, cacheId, size: Number(size), ...(parent === undefined ? {} : { parent }) };
}

function corrupt(entry: string, reason: string): never {
  throw new Failure("corrupt", `cannot read layer ${basename(entry)}: ${reason}`, {
    hint: "Remove the images that use the layer and pull them again.",
  });
}
