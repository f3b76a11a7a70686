/** `GET|HEAD|DELETE /v2/<name>/blobs/<digest>` (OCI distribution spec, "Pulling blobs"; behaviours B164, B168). */
import { peek } from "../bytes/index.ts";
import type { Digest } from "../oci/index.ts";
import { checkPreconditions, etagOf, isUnmodified } from "./conditions.ts";
import type { RegistryCore } from "./core.ts";
import { actorOf, answer, answerStream, type Exchange, type Headers } from "./exchange.ts";
import { multipartOf, parseRanges } from "./ranges.ts";
import { RegistryError } from "./registry_error.ts";
import { answerFile } from "./send_file.ts";
import type { ByteRange, StorageDriver } from "./storage/types.ts";
import { paths, readLink } from "./tree.ts";

export interface LinkedBlob {
  /**
   * Under which the bytes lie. distribution keeps a blob that came as sha512 under its sha256, and a link of either
   * name leads there.
   */
  readonly target: Digest;
  /** Bytes. */
  readonly size: number;
}

/** The blob that the repository has under this digest; undefined if it has none. */
export async function findBlob(
  storage: StorageDriver,
  name: string,
  digest: Digest,
): Promise<LinkedBlob | undefined> {
  const target = readLink(await storage.read(paths.layerLink(name, digest)));
  const found = target && (await storage.stat(paths.blob(target)));
  return target !== undefined && found?.kind === "file" ? { target, size: found.size } : undefined;
}

/** @param target what {@link LinkedBlob.target} says; as a rule the digest itself. */
export async function linkBlob(
  storage: StorageDriver,
  name: string,
  digest: Digest,
  target: Digest = digest,
): Promise<void> {
  await storage.write(paths.layerLink(name, digest), Buffer.from(target));
}

const blobType = "application/octet-stream";

export async function answerBlob(
  core: RegistryCore,
  exchange: Exchange,
  name: string,
  digest: Digest,
): Promise<void> {
  // A HEAD is a push's question as a rule: it will not send what it is told is there.
  const storage = exchange.method === "HEAD" ? core.keeping : core.storage;
  const blob = await findBlob(storage, name, digest);
  if (blob === undefined) throw new RegistryError("BLOB_UNKNOWN", [{ digest }]);
  core.sightings.saw(digest, name);
  const headers = {
    "Accept-Ranges": "bytes",
    "Cache-Control": "max-age=31536000, immutable",
    "Docker-Content-Digest": digest,
    Etag: etagOf(digest),
  };
  if (isUnmodified(exchange, digest)) return answer(exchange, 304, headers);
  const pulled = () => {
    const told = { repository: name, digest, size: blob.size, mediaType: blobType };
    core.tell(exchange, { action: "pull", kind: "blob", ...told });
  };
  // Also before a redirect: stores differ in what they make of a range that is none.
  const ranges = wantedRanges(exchange, digest, blob.size);
  if (ranges === "unsatisfiable") {
    const known = { "Content-Range": `bytes */${blob.size}` };
    throw new RegistryError("RANGE_INVALID", [{ size: blob.size }], known);
  }
  if (exchange.method === "GET" && core.redirect) {
    const url = await core.storage.redirectUrl?.(paths.blob(blob.target), { method: "GET" });
    if (url !== undefined) {
      pulled();
      return answer(exchange, 307, { "Docker-Content-Digest": digest, Location: url });
    }
  }
  if (await sendBlob(core, exchange, blob, ranges, headers)) pulled();
}

function wantedRanges(exchange: Exchange, digest: Digest, size: number): ReturnType<typeof parseRanges> {
  const { range, "if-range": condition } = exchange.request.headers;
  if (exchange.fault?.kind === "ignore-range") return undefined;
  if (condition !== undefined && condition !== etagOf(digest)) return undefined;
  return parseRanges(range, size);
}

/** Returns whether the blob's last byte went out. */
async function sendBlob(
  core: RegistryCore,
  exchange: Exchange,
  blob: LinkedBlob,
  ranges: readonly ByteRange[] | undefined,
  headers: Headers,
): Promise<boolean> {
  const { size, target } = blob;
  const open = (range: ByteRange) => core.storage.open(paths.blob(target), range, exchange.signal);
  const [only = { start: 0, end: size - 1 }] = ranges ?? [];
  const parts = ranges !== undefined && ranges.length > 1 ? multipartOf(ranges, size, open) : undefined;
  const hasBody = exchange.method === "GET" && size > 0;
  const asFile = hasBody && parts === undefined && exchange.fault === undefined;
  // Before the head: a storage that fails at once can still be told of with a status.
  await using file = asFile ? await core.storage.openFile?.(paths.blob(target)) : undefined;
  const source =
    hasBody && file === undefined ? (await peek(parts?.source() ?? open(only), 1)).whole : undefined;
  exchange.response.writeHead(ranges === undefined ? 200 : 206, {
    ...headers,
    "Content-Type": parts?.contentType ?? blobType,
    "Content-Length": parts?.length ?? only.end - only.start + 1,
    ...(ranges?.length === 1 && { "Content-Range": `bytes ${only.start}-${only.end}/${size}` }),
  });
  let sent = exchange.method === "GET";
  if (file !== undefined) sent = await answerFile(exchange, file, only);
  else if (source !== undefined) sent = await answerStream(exchange, source);
  else exchange.response.end();
  return sent && (ranges ?? [only]).some(({ end }) => end === size - 1);
}

/** The repository forgets the blob; its bytes stay until garbage collection finds that nobody has them. */
export async function deleteBlob(
  core: RegistryCore,
  exchange: Exchange,
  name: string,
  digest: Digest,
): Promise<void> {
  const link = paths.layerLink(name, digest);
  if ((await core.storage.read(link)) === undefined) throw new RegistryError("BLOB_UNKNOWN", [{ digest }]);
  checkPreconditions(exchange, digest);
  const intent = { repository: name, actor: actorOf(exchange), kind: "blob", digest, tags: [] } as const;
  await core.policy.beforeDelete?.(intent);
  await core.storage.remove(link);
  core.tell(exchange, { action: "delete", kind: "blob", repository: name, digest });
  await answer(exchange, 202);
}
