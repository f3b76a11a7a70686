/** All paths of an image, each with the layer that it comes from. */
import type { ByteString } from "../byte_string.ts";
import { throwIfCancelled, type LayerView, type OpenOptions } from "../bytes/index.ts";
import { readTar } from "../tar/index.ts";
import { ReadView, type NodeKind } from "../union/index.ts";
import { LayerIndex } from "./layer_index.ts";

export interface ImagePath {
  /** From the image's root, without a leading slash. */
  readonly path: ByteString;
  readonly kind: NodeKind;
  /** Permission bits with set-id and sticky bits. */
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  /** Bytes: content of a file, target of a symlink. */
  readonly size: number;
  /** Place of the layer in the image, 0 for the base: the uppermost one that a directory is merged from. */
  readonly layer: number;
  /** What a symlink says. */
  readonly target?: ByteString;
}

export interface ReadTreeOptions {
  readonly signal: AbortSignal;
}

/**
 * Reads the layers' tars once each, bottom first, and merges them: whiteouts and opaque directories hide what they hide
 * in a container. Works with an image in any place: `readImageTree((await source.resolve(name)).layers, ...)`. Contents
 * are skipped and not kept. Throws `Failure("invalid")` or `Failure("corrupt")` for a layer that cannot be unpacked.
 * @returns depth first, the names of each directory by their bytes
 */
export async function readImageTree(
  layers: readonly Pick<LayerView, "openTar">[],
  options: ReadTreeOptions,
): Promise<ImagePath[]> {
  const indexes: LayerIndex[] = [];
  for (const layer of layers) indexes.unshift(await indexOf(layer, options));
  if (indexes.length === 0) return [];
  const view = new ReadView({ dialect: "overlay2", lowers: indexes });
  const paths: ImagePath[] = [];
  for (const { path, stat, layers: from } of view.walk()) {
    const { kind, mode, uid, gid, size } = stat;
    const layer = indexes.length - 1 - Number(from[0]);
    const target = kind === "symlink" ? { target: view.readLink(path) } : {};
    paths.push({ path, kind, mode, uid, gid, size, layer, ...target });
  }
  return paths;
}

async function indexOf(layer: Pick<LayerView, "openTar">, { signal }: OpenOptions): Promise<LayerIndex> {
  const index = new LayerIndex();
  for await (const { entry } of readTar(await layer.openTar({ signal }))) {
    throwIfCancelled(signal);
    index.add(entry);
  }
  return index;
}
