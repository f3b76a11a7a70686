/** Images in a registry's tree, written by the core's own functions. */
import { digestOf, mediaTypes, type Digest } from "../../src/oci/index.ts";
import { linkBlob } from "../../src/registry/blobs.ts";
import { writeRevision, writeTag } from "../../src/registry/manifest_store.ts";
import type { StorageDriver } from "../../src/registry/storage/types.ts";
import { paths } from "../../src/registry/tree.ts";

export async function putBlob(storage: StorageDriver, name: string, bytes: Uint8Array): Promise<Digest> {
  const digest = digestOf(bytes);
  await storage.write(paths.blob(digest), bytes);
  await linkBlob(storage, name, digest);
  return digest;
}

export async function putManifest(
  storage: StorageDriver,
  name: string,
  document: object,
  tag?: string,
): Promise<Digest> {
  const bytes = Buffer.from(JSON.stringify(document));
  const digest = digestOf(bytes);
  await writeRevision(storage, name, { digest, bytes, type: undefined });
  if (tag !== undefined) await writeTag(storage, name, tag, digest, { onlyNew: false });
  return digest;
}

/** An image whose config says `label` and whose layers hold the given texts. */
export async function putImage(
  storage: StorageDriver,
  name: string,
  tag: string | undefined,
  { label = "", layers, subject }: { label?: string; layers: readonly string[]; subject?: Digest },
): Promise<Digest> {
  const config = Buffer.from(JSON.stringify({ label }));
  const contents = layers.map((layer) => Buffer.from(layer));
  for (const bytes of [config, ...contents]) await putBlob(storage, name, bytes);
  const describe = (bytes: Buffer, mediaType: string) => ({
    mediaType,
    digest: digestOf(bytes),
    size: bytes.length,
  });
  const document = {
    schemaVersion: 2,
    mediaType: mediaTypes.ociManifest,
    config: describe(config, mediaTypes.ociConfig),
    layers: contents.map((bytes) => describe(bytes, mediaTypes.ociLayerGzip)),
    ...(subject && { subject: { mediaType: mediaTypes.ociManifest, digest: subject, size: 1 } }),
  };
  return putManifest(storage, name, document, tag);
}

export async function putIndex(
  storage: StorageDriver,
  name: string,
  tag: string,
  members: readonly Digest[],
): Promise<Digest> {
  const manifests = members.map((digest) => ({ mediaType: mediaTypes.ociManifest, digest, size: 1 }));
  return putManifest(storage, name, { schemaVersion: 2, mediaType: mediaTypes.ociIndex, manifests }, tag);
}

/** Paths of all files below one, sorted. */
export async function filesBelow(storage: StorageDriver, path = ""): Promise<string[]> {
  const files: string[] = [];
  for await (const { name, kind } of storage.list(path)) {
    const below = path === "" ? name : `${path}/${name}`;
    if (kind === "file") files.push(below);
    else files.push(...(await filesBelow(storage, below)));
  }
  return files;
}

/** A clock that is set by hand. */
export class HandClock {
  time = Date.now();
  #ids = 10_000_000;

  now(): number {
    return this.time;
  }

  newId(): string {
    return String(this.#ids++);
  }
}
