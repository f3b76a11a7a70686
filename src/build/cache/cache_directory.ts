/** A build cache in a directory: an OCI image layout with one manifest (OCI image spec, image-layout.md). */
import { randomBytes } from "node:crypto";
import { existsSync, mkdirSync, renameSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";
import {
  collect,
  decompress,
  fromBytes,
  fromFile,
  toFile,
  verify,
  type ByteSource,
  type ImageView,
  type LayerView,
} from "../../bytes/index.ts";
import { Failure } from "../../errors.ts";
import {
  algorithmOf,
  hexOf,
  maxManifestBytes,
  mediaTypes,
  parseManifest,
  type Descriptor,
  type Manifest,
} from "../../oci/index.ts";
import { maxCacheConfigBytes } from "./cache_config.ts";

interface Signalled {
  readonly signal: AbortSignal;
}

/**
 * Writes the view's blobs, manifest and index. What is there already stays; the index comes last, so that a cache which
 * was there is one until then.
 */
export async function writeCacheDirectory(
  directory: string,
  view: ImageView,
  { signal }: Signalled,
): Promise<void> {
  const { manifest } = view;
  if (manifest === undefined) throw new Failure("internal", "a build cache without a manifest");
  mkdirSync(join(directory, "blobs", "sha256"), { recursive: true });
  for (const layer of view.layers)
    await writeBlob(directory, layer.blob as Descriptor, () => layer.openBlob({ signal }));
  const config = await view.readConfig({ signal });
  await writeBlob(directory, view.configDescriptor, async () => fromBytes(config));
  await writeBlob(directory, manifest.descriptor, async () => fromBytes(manifest.bytes));
  await replace(join(directory, "oci-layout"), fromBytes(Buffer.from('{"imageLayoutVersion":"1.0.0"}')));
  const index = { schemaVersion: 2, mediaType: mediaTypes.ociIndex, manifests: [manifest.descriptor] };
  await replace(join(directory, "index.json"), fromBytes(Buffer.from(JSON.stringify(index))));
}

/** The cache that the directory holds. Throws `Failure("not-found")` without one, `Failure("corrupt")` for other bytes. */
export async function openCacheDirectory(directory: string, { signal }: Signalled): Promise<ImageView> {
  const path = join(directory, "index.json");
  if (!existsSync(path))
    throw new Failure("not-found", `no build cache in ${directory}: it has no index.json`);
  const index = parseManifest(
    await collect(fromFile(path), maxManifestBytes, "index.json"),
    mediaTypes.ociIndex,
  );
  const descriptor = index.kind === "index" ? index.index.manifests[0] : undefined;
  if (descriptor === undefined) throw new Failure("invalid", `${path} names no manifest`);
  const bytes = await collect(openBlob(directory, descriptor, signal), maxManifestBytes, "manifest");
  const parsed = parseManifest(bytes, descriptor.mediaType);
  if (parsed.kind !== "manifest") throw new Failure("invalid", `${path} names an index, no manifest`);
  return viewOf(directory, parsed.manifest, { bytes, descriptor });
}

function viewOf(
  directory: string,
  { config, layers }: Manifest,
  manifest: NonNullable<ImageView["manifest"]>,
): ImageView {
  return {
    imageId: config.digest,
    configDescriptor: config,
    manifest,
    layers: layers.map((blob) => layerOf(directory, blob)),
    readConfig: ({ signal }) =>
      collect(openBlob(directory, config, signal), maxCacheConfigBytes, "build cache"),
  };
}

function layerOf(directory: string, blob: Descriptor): LayerView {
  return {
    blob,
    openBlob: async ({ signal, offset = 0 }) => fromFile(blobPath(directory, blob), { offset, signal }),
    openTar: async ({ signal }) => decompress(openBlob(directory, blob, signal), { signal }),
  };
}

function openBlob(directory: string, blob: Descriptor, signal: AbortSignal): ByteSource {
  return verify(fromFile(blobPath(directory, blob), { signal }), { digest: blob.digest, size: blob.size });
}

function blobPath(directory: string, { digest }: Descriptor): string {
  return join(directory, "blobs", algorithmOf(digest), hexOf(digest));
}

async function writeBlob(
  directory: string,
  blob: Descriptor,
  open: () => Promise<ByteSource>,
): Promise<void> {
  const path = blobPath(directory, blob);
  if (statSync(path, { throwIfNoEntry: false })?.size === blob.size) return;
  await replace(path, verify(await open(), { digest: blob.digest, size: blob.size }));
}

async function replace(path: string, bytes: ByteSource): Promise<void> {
  const beside = `${path}.${randomBytes(6).toString("hex")}`;
  try {
    await toFile(bytes, beside);
    renameSync(beside, path);
  } catch (error) {
    rmSync(beside, { force: true });
    throw error;
  }
}
