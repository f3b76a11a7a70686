/** `/v2/<name>/manifests/<tag or digest>`: bytes are kept exactly, never converted (behaviours B128, B163, B168). */
import { algorithmOf, digestOf, isDigest, type Digest } from "../oci/index.ts";
import { findBlob } from "./blobs.ts";
import { concurrently } from "./concurrently.ts";
import { checkPreconditions, etagOf, isUnmodified, preconditionFailed } from "./conditions.ts";
import type { RegistryCore } from "./core.ts";
import { actorOf, answer, readBody, type Exchange } from "./exchange.ts";
import { readManifest, type ManifestDocument } from "./manifest_document.ts";
import {
  findRevision,
  readRevision,
  removeTag,
  resolveTag,
  tagsOn,
  writeRevision,
  writeTag,
} from "./manifest_store.ts";
import { pushRefusal } from "./push_refusal.ts";
import { isReferrersTag } from "./referrers_tag.ts";
import { RegistryError } from "./registry_error.ts";
import { isTag, paths } from "./tree.ts";

/** Bytes; the OCI distribution spec asks for at least this much. */
const manifestLimit = 4 << 20;
const maxTags = 100;

export async function answerManifest(
  core: RegistryCore,
  exchange: Exchange,
  name: string,
  key: string,
): Promise<void> {
  const digest = isDigest(key) ? key : isTag(key) ? await resolveTag(core.storage, name, key) : undefined;
  const manifest = digest && (await readRevision(core.storage, name, digest));
  if (manifest === undefined) throw unknown(name, key);
  await core.policy.beforePull?.({
    ...manifest,
    repository: name,
    actor: actorOf(exchange),
    tag: isDigest(key) ? undefined : key,
    pushRefusal: () => pushRefusal(core, exchange, name),
  });
  const headers = {
    "Content-Type": manifest.mediaType,
    "Docker-Content-Digest": manifest.digest,
    Etag: etagOf(manifest.digest),
    // A tag may lead elsewhere the next moment; so whoever keeps the answer must ask whether it still holds.
    "Cache-Control": isDigest(key) ? "max-age=31536000, immutable" : "no-cache",
  };
  if (isUnmodified(exchange, manifest.digest)) return answer(exchange, 304, headers);
  const size = manifest.bytes.length;
  await answer(exchange, 200, { ...headers, "Content-Length": size }, manifest.bytes);
  if (exchange.method === "HEAD") return;
  const told = { repository: name, digest: manifest.digest, size, mediaType: manifest.mediaType };
  core.tell(exchange, { action: "pull", kind: "manifest", ...told, ...(!isDigest(key) && { tag: key }) });
}

export async function putManifest(
  core: RegistryCore,
  exchange: Exchange,
  name: string,
  key: string,
): Promise<void> {
  const tags = tagsIn(exchange, key);
  const bytes = await readBody(exchange, manifestLimit, tooLarge);
  const document = readManifest(bytes, exchange.request.headers["content-type"]);
  const digest = digestOf(bytes, isDigest(key) ? algorithmOf(key) : "sha256");
  if (isDigest(key) && key !== digest)
    throw new RegistryError("DIGEST_INVALID", [{ digest: key, actual: digest }]);
  await checkReferences(core, name, document, { mayLack: isReferrersTag(key) });
  const onlyNew = exchange.request.headers["if-none-match"] === "*";
  if (!isDigest(key)) checkPreconditions(exchange, await resolveTag(core.storage, name, key));
  const { mediaType, subject, typeTold } = document;
  const intent = { repository: name, actor: actorOf(exchange), digest, mediaType, bytes, tags, subject };
  const permit = (await core.policy.beforeManifest?.(intent)) ?? {};
  await writeRevision(core.storage, name, { digest, bytes, type: typeTold ? undefined : mediaType });
  for (const tag of tags) {
    const fixed = permit.onlyNew?.includes(tag) === true;
    if (await writeTag(core.storage, name, tag, digest, { onlyNew: onlyNew || fixed })) continue;
    if (!fixed || onlyNew) throw preconditionFailed(undefined);
    if ((await resolveTag(core.storage, name, tag)) !== digest)
      throw new RegistryError("DENIED", [{ tag }], {}, { message: `tag ${tag} was made meanwhile` });
  }
  for (const tag of tags.length === 0 ? [undefined] : tags) {
    const told = {
      repository: name,
      digest,
      size: bytes.length,
      mediaType,
      ...(tag !== undefined && { tag }),
    };
    core.tell(exchange, { action: "push", kind: "manifest", ...told });
  }
  await answer(exchange, 201, {
    Location: `${exchange.locationBase}/v2/${name}/manifests/${digest}`,
    "Docker-Content-Digest": digest,
    ...(subject !== undefined && { "OCI-Subject": subject }),
    ...(isDigest(key) && tags.length > 0 && { "OCI-Tag": tags.join(", ") }),
  });
}

/** The tag in the path, or those in the query of a push by digest (OCI distribution spec, end-7b). */
function tagsIn(exchange: Exchange, key: string): readonly string[] {
  const byDigest = key.includes(":");
  if (byDigest && !isDigest(key)) throw new RegistryError("DIGEST_INVALID", [key.slice(0, 200)]);
  const tags = byDigest ? [...new Set(exchange.query.getAll("tag"))] : [key];
  const wrong = tags.find((tag) => !isTag(tag));
  if (wrong !== undefined) throw new RegistryError("TAG_INVALID", [wrong.slice(0, 200)]);
  if (tags.length > maxTags) {
    throw new RegistryError("TAG_INVALID", [{ limit: maxTags }], {}, { status: 414 });
  }
  return tags;
}

/**
 * Every blob and manifest named must be in this repository, and will be until garbage collection sees this manifest.
 * @param options.mayLack the members of an index may be gone: clients go on with a list of referrers as they find it
 */
async function checkReferences(
  core: RegistryCore,
  name: string,
  document: ManifestDocument,
  { mayLack }: { readonly mayLack: boolean },
): Promise<void> {
  const storage = core.keeping;
  const { blobs, manifests } = document;
  const isManifest = async (digest: Digest): Promise<boolean> => {
    const target = await findRevision(storage, name, digest);
    return target !== undefined && (await storage.stat(paths.blob(target))) !== undefined;
  };
  const isBlob = async (digest: Digest) => (await findBlob(storage, name, digest)) !== undefined;
  // An index may list blobs: BuildKit's cache does.
  const isEither = async (digest: Digest) => (await isManifest(digest)) || (await isBlob(digest));
  const wanted = [...blobs, ...manifests];
  const found = await concurrently([...wanted.keys()], (i) =>
    (i < blobs.length ? isBlob : isEither)(wanted[i] as Digest),
  );
  const missing = wanted.filter((_, i) => found[i] === false && (i < blobs.length || !mayLack));
  if (missing.length === 0) return;
  throw new RegistryError(
    "MANIFEST_BLOB_UNKNOWN",
    missing.map((digest) => ({ digest })),
  );
}

export async function deleteManifest(
  core: RegistryCore,
  exchange: Exchange,
  name: string,
  key: string,
): Promise<void> {
  await removeManifest(core, exchange, name, key);
  await answer(exchange, 202);
}

/** By tag: the tag alone. By digest: the manifest and all tags that lead to it. */
export async function removeManifest(
  core: RegistryCore,
  exchange: Exchange,
  name: string,
  key: string,
): Promise<void> {
  const { storage } = core;
  const digest = isDigest(key)
    ? await findRevision(storage, name, key)
    : isTag(key)
      ? await resolveTag(storage, name, key)
      : undefined;
  if (digest === undefined) throw unknown(name, key);
  checkPreconditions(exchange, digest);
  const kind = isDigest(key) ? "manifest" : "tag";
  const tags = isDigest(key) ? await tagsOn(storage, name, digest) : [key];
  await core.policy.beforeDelete?.({ repository: name, actor: actorOf(exchange), kind, digest, tags });
  for (const tag of tags) {
    await removeTag(storage, name, tag);
    core.tell(exchange, { action: "delete", kind: "tag", repository: name, digest, tag });
  }
  if (isDigest(key)) {
    await storage.remove(paths.revision(name, key));
    core.tell(exchange, { action: "delete", kind: "manifest", repository: name, digest });
  }
}

function unknown(name: string, key: string): RegistryError {
  return new RegistryError("MANIFEST_UNKNOWN", [
    isDigest(key) ? { Name: name, Revision: key } : { Tag: key.slice(0, 200) },
  ]);
}

function tooLarge(): RegistryError {
  const message = `manifest invalid: larger than ${manifestLimit} bytes`;
  return new RegistryError("MANIFEST_INVALID", [{ limit: manifestLimit }], {}, { status: 413, message });
}
