/** Manifests: bytes are kept exactly, never converted (behaviours B128, B163). */
import { digestOf, isDigest, mediaTypes, type Digest } from "../oci/index.ts";
import { linkedBlobSize } from "./blobs.ts";
import { answer, readBody, type Exchange } from "./exchange.ts";
import { RegistryError } from "./registry_error.ts";
import type { RegistryStorage } from "./storage.ts";
import { isTag, paths, readLink } from "./tree.ts";

/** Bytes; the OCI distribution spec asks for at least this much. */
const manifestLimit = 4 << 20;

export async function answerManifest(
  exchange: Exchange,
  storage: RegistryStorage,
  name: string,
  key: string,
) {
  const digest = await findManifest(storage, name, key);
  const bytes = digest && (await storage.read(paths.blob(digest)));
  if (digest === undefined || bytes === undefined) {
    const detail = isDigest(key) ? { Name: name, Revision: key } : { Tag: key };
    throw new RegistryError("MANIFEST_UNKNOWN", [detail]);
  }
  const headers = {
    "Content-Type": mediaTypeOf(parseManifest(bytes)),
    "Docker-Content-Digest": digest,
    Etag: `"${digest}"`,
  };
  await answer(exchange, 200, { ...headers, "Content-Length": bytes.length }, bytes);
}

export async function putManifest(exchange: Exchange, storage: RegistryStorage, name: string, key: string) {
  const bytes = await readBody(exchange, manifestLimit);
  const manifest = parseManifest(bytes);
  const digest = digestOf(bytes);
  if (isDigest(key) ? key !== digest : !isTag(key)) {
    throw new RegistryError(isDigest(key) ? "DIGEST_INVALID" : "TAG_INVALID", [key]);
  }
  await checkReferences(storage, name, manifest);
  const link = Buffer.from(digest);
  await storage.write(paths.blob(digest), bytes);
  await storage.write(paths.revisionLink(name, digest), link);
  if (!isDigest(key)) {
    await storage.write(paths.tagIndex(name, key, digest), link);
    await storage.write(paths.tagCurrent(name, key), link);
  }
  const location = `${exchange.origin}/v2/${name}/manifests/${digest}`;
  await answer(exchange, 201, { Location: location, "Docker-Content-Digest": digest });
}

async function findManifest(
  storage: RegistryStorage,
  name: string,
  key: string,
): Promise<Digest | undefined> {
  if (isDigest(key)) return readLink(await storage.read(paths.revisionLink(name, key)));
  return isTag(key) ? readLink(await storage.read(paths.tagCurrent(name, key))) : undefined;
}

/** The parts of a manifest or index that a registry looks at. */
interface Parsed {
  readonly mediaType?: string;
  readonly config?: Reference;
  readonly layers?: readonly Reference[];
  readonly manifests?: readonly Reference[];
}
interface Reference {
  readonly digest: Digest;
  readonly urls?: readonly string[];
}

function parseManifest(bytes: Uint8Array): Parsed {
  let value: unknown;
  try {
    value = JSON.parse(Buffer.from(bytes).toString("utf8"));
  } catch {
    throw new RegistryError("MANIFEST_INVALID");
  }
  const parsed = value as Parsed & { schemaVersion?: unknown };
  if (typeof value !== "object" || value === null || parsed.schemaVersion !== 2) {
    throw new RegistryError("MANIFEST_INVALID");
  }
  if (!allReferences(parsed).every((item) => isDigest(String(item?.digest)))) {
    throw new RegistryError("MANIFEST_INVALID");
  }
  return parsed;
}

function allReferences(manifest: Parsed): Reference[] {
  const { config, layers, manifests } = manifest;
  const lists = [layers, manifests].map((list) => (Array.isArray(list) ? list : []));
  return [...(config === undefined ? [] : [config]), ...lists.flat()];
}

/** distribution's tree does not keep media types, so they are read out of the bytes. */
function mediaTypeOf(manifest: Parsed): string {
  if (typeof manifest.mediaType === "string") return manifest.mediaType;
  return manifest.manifests === undefined ? mediaTypes.ociManifest : mediaTypes.ociIndex;
}

/** Every blob and manifest named must be in this repository; layers that have `urls` may live elsewhere. */
async function checkReferences(storage: RegistryStorage, name: string, manifest: Parsed): Promise<void> {
  const missing: Digest[] = [];
  for (const { digest, urls } of allReferences({ ...manifest, manifests: [] })) {
    const foreign = Array.isArray(urls) && urls.length > 0;
    if (!foreign && (await linkedBlobSize(storage, name, digest)) === undefined) missing.push(digest);
  }
  for (const { digest } of manifest.manifests ?? []) {
    if ((await findManifest(storage, name, digest)) === undefined) missing.push(digest);
  }
  if (missing.length > 0) {
    throw new RegistryError(
      "MANIFEST_BLOB_UNKNOWN",
      missing.map((digest) => ({ digest })),
    );
  }
}
