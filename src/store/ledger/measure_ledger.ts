/** A ledger with every byte of the data root in it. */
import { readdirSync, realpathSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { type ChainId, hexOf, isDigest } from "../../oci/index.ts";
import { blobPath } from "../blob_cache.ts";
import { buildCacheFolder } from "../build_cache/cache_folder.ts";
import { DiskUsage } from "../disk_usage.ts";
import { driverPaths } from "../driver_folder.ts";
import { manifestsFolder } from "../manifests.ts";
import { storePaths, type StorePaths } from "../paths.ts";
import { listIfThere } from "../read_small.ts";
import type { Store } from "../types.ts";
import type { Ledger, LedgerDisk } from "./types.ts";

/** Measures what each entry of `drawn` takes, then everything else, each inode once. */
export async function measureLedger(store: Store, drawn: Ledger): Promise<Ledger> {
  // The driver gives resolved paths, and paths are compared here.
  const paths = storePaths(realpathSync(store.root), store.driver.name);
  const placed = await place(store, paths, drawn);
  const owned = placed.flatMap(({ paths }) => paths);
  const usage = new DiskUsage([...owned, buildCacheFolder(paths.root)]);
  const bytes = new Map<object, number>();
  const together = new Map<string, { bytes: number; holders: (ChainId | undefined)[] }>();
  const chains = new Map<object, ChainId>(drawn.layers.map((layer) => [layer, layer.chainId]));
  for (const { item, paths } of placed) {
    usage.onLinked = (inode, bytes) => {
      const known = together.get(inode) ?? { bytes, holders: [] };
      if (!known.holders.includes(chains.get(item))) known.holders.push(chains.get(item));
      together.set(inode, known);
    };
    for (const path of paths) bytes.set(item, (bytes.get(item) ?? 0) + (await usage.of(path)));
  }
  const measured = <T extends object>(items: readonly T[]) =>
    items.map((item) => ({ ...item, disk: bytes.get(item) ?? 0 }));
  const [images, layers, containers, blobs] = [
    measured(drawn.images),
    measured(drawn.layers),
    measured(drawn.containers),
    measured(drawn.blobs),
  ];
  usage.onLinked = undefined;
  const buildCache = await usage.of(buildCacheFolder(paths.root));
  const rest = await measureRest(paths, usage);
  const disk = {
    layers: sum(layers),
    images: sum(images),
    containers: sum(containers),
    cache: sum(blobs.filter(({ partial }) => !partial)),
    partials: sum(blobs.filter(({ partial }) => partial)),
    buildCache,
    unowned: bytes.get(unowned) ?? 0,
    ...rest,
  };
  const total = Object.values(disk).reduce((all, part) => all + part, 0);
  const held = [...together.values()].filter(({ holders }) => holders.length > 1);
  return { ...drawn, images, layers, containers, blobs, held, disk: { ...disk, total } };
}

interface Placed {
  readonly item: object;
  readonly paths: readonly string[];
}

/** Stands for all directories without an owner. */
const unowned = {};

/** Which paths belong to which entry. */
async function place(store: Store, paths: StorePaths, drawn: Ledger): Promise<Placed[]> {
  const real = (path: string) => join(paths.root, relative(store.root, path));
  const manifest = (hex: string) => real(join(manifestsFolder(store), hex));
  const placed: Placed[] = [
    ...drawn.layers.map((layer) => ({
      item: layer,
      paths: [...driverPaths(store, layer.cacheId), paths.layer(layer.chainId)],
    })),
    ...drawn.images.map((image) => ({
      item: image,
      paths: [paths.config(image.id), paths.metadata(image.id), manifest(hexOf(image.id))],
    })),
    ...drawn.blobs.map((blob) => ({
      item: blob,
      paths: [blob.partial ? real(store.blobs.partialPath(blob.digest)) : blobPath(paths.root, blob.digest)],
    })),
  ];
  const directories = new Set(drawn.layers.map((layer) => layer.cacheId));
  for (const container of drawn.containers) {
    const { mountId } = container;
    const initId = (await store.containers.get(container.id))?.initId ?? `${mountId}-init`;
    directories.add(initId).add(mountId);
    placed.push({
      item: container,
      paths: [
        ...driverPaths(store, mountId),
        ...driverPaths(store, initId),
        paths.mountOf(container.id),
        join(paths.containers, container.id),
      ],
    });
  }
  const orphans = (await store.driver.list()).filter((id) => !directories.has(id));
  const staged = listIfThere(paths.layerStaging).map((name) => join(paths.layerStaging, name));
  const leaving = listIfThere(paths.layers).filter((name) => !isDigest(`sha256:${name}`));
  placed.push({
    item: unowned,
    paths: [
      ...orphans.flatMap((id) => driverPaths(store, id)),
      ...staged,
      ...leaving.map((name) => join(paths.layers, name)),
    ],
  });
  return placed;
}

/** The books of this store, and what is not the store's. */
async function measureRest(
  paths: StorePaths,
  usage: DiskUsage,
): Promise<Pick<LedgerDisk, "books" | "other">> {
  const ours = new Set([dirname(paths.images), paths.driver, paths.own, paths.containers]);
  let [books, other] = [0, 0];
  for (const name of readdirSync(paths.root)) {
    const path = join(paths.root, name);
    const bytes = await usage.of(path);
    if (ours.has(path)) books += bytes;
    else other += bytes;
  }
  // What is left of the root is its own directory block.
  const apart = readdirSync(paths.root).map((name) => join(paths.root, name));
  return { books: books + (await new DiskUsage(apart).of(paths.root)), other };
}

function sum(items: readonly { readonly disk: number }[]): number {
  return items.reduce((total, { disk }) => total + disk, 0);
}
