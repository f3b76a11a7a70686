/**
 * Manifests as they were pulled, so that a push of an unchanged image gives the same digest (behaviours B129). Docker
 * keeps none. `ROOT/varve/manifests/<image hex>/` holds `manifest.json` byte for byte and `descriptor.json`, by whose
 * digest it is verified when it is read: a damaged one is as good as none.
 */
import { mkdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { digestOf, hexOf, type Descriptor, type DiffId, type ImageId } from "../oci/index.ts";
import type { ImageView } from "../bytes/index.ts";
import { writeAtomically } from "./atomic_write.ts";
import { readIfThere } from "./read_small.ts";
import type { Store } from "./types.ts";

export type KeptManifest = NonNullable<ImageView["manifest"]>;

/**
 * Keeps the manifest by which `image` was received, in place of an earlier one. Not that of an archive whose layers are
 * plain tars: pushed so, they would travel uncompressed. One that a registry has is kept whatever is in it.
 */
export async function keepManifest(
  store: Pick<Store, "root">,
  image: ImageView,
  diffIds: readonly DiffId[],
): Promise<void> {
  const { manifest, imageId: id } = image;
  const isPlain = image.layers.some(({ blob, seenAt = [] }, i) => {
    return blob?.digest === diffIds[i] && seenAt.length === 0;
  });
  if (manifest === undefined || isPlain) return;
  const directory = manifestFolder(store, id);
  await mkdir(directory, { recursive: true, mode: 0o700 });
  await writeAtomically(join(directory, "manifest.json"), manifest.bytes, 0o600);
  await writeAtomically(join(directory, "descriptor.json"), JSON.stringify(manifest.descriptor), 0o600);
}

/** The manifest kept for `id`, or undefined. */
export function readManifest(store: Pick<Store, "root">, id: ImageId): KeptManifest | undefined {
  const directory = manifestFolder(store, id);
  const bytes = readIfThere(join(directory, "manifest.json"));
  const text = readIfThere(join(directory, "descriptor.json"));
  if (bytes === undefined || text === undefined) return undefined;
  try {
    const descriptor = JSON.parse(text.toString("utf8")) as Descriptor;
    return digestOf(bytes) === descriptor.digest ? { bytes, descriptor } : undefined;
  } catch {
    return undefined;
  }
}

/** Drops what is kept for `id`. */
export async function forgetManifest(store: Pick<Store, "root">, id: ImageId): Promise<void> {
  await rm(manifestFolder(store, id), { recursive: true, force: true });
}

export function manifestsFolder(store: Pick<Store, "root">): string {
  return join(store.root, "varve", "manifests");
}

function manifestFolder(store: Pick<Store, "root">, id: ImageId): string {
  return join(manifestsFolder(store), hexOf(id));
}
