/**
 * Requests for upload sessions (OCI distribution spec, "Pushing blobs"; behaviours B162). What arrived before a broken
 * connection stays, and any known Location goes on: the offset is asked of the storage, not kept in the URL.
 */
import { randomUUID } from "node:crypto";
import type { ByteSource } from "../bytes/index.ts";
import { algorithmOf, isDigest, type Algorithm, type Digest } from "../oci/index.ts";
import { linkBlob } from "./blobs.ts";
import type { RegistryCore } from "./core.ts";
import { actorOf, answer, bodyLength, bodyOf, type Exchange } from "./exchange.ts";
import type { UploadPermit } from "./hooks.ts";
import { mountBlob } from "./mounts.ts";
import { RegistryError } from "./registry_error.ts";
import { paths } from "./tree.ts";
import { uploadLocation } from "./upload_location.ts";
import type { Upload } from "./upload_sessions.ts";

/** POST: a mount, a whole blob in one request (`?digest=`), or a new session. */
export async function startUpload(core: RegistryCore, exchange: Exchange, name: string): Promise<void> {
  const mounted = await mountBlob(core, exchange, name);
  if (mounted !== undefined) return answerCreated(exchange, name, mounted);
  const whole = exchange.query.get("digest");
  const digest = whole === null ? undefined : digestIn(whole);
  const session = { name, uuid: randomUUID(), size: 0 };
  if (digest !== undefined) {
    await storeWhole(core, exchange, session, digest);
    return answerCreated(exchange, name, digest);
  }
  const algorithm = algorithmIn(exchange);
  await askPolicy(core, exchange, session, undefined);
  await core.sessions.create(name, session.uuid, algorithm);
  return answerSession(core, exchange, 202, session);
}

async function storeWhole(
  core: RegistryCore,
  exchange: Exchange,
  session: SessionState,
  digest: Digest,
): Promise<void> {
  const { name, uuid } = session;
  const options = { signal: exchange.signal, fresh: algorithmOf(digest) };
  await core.sessions.hold(name, uuid, options, async (upload) => {
    try {
      await take(core, exchange, upload);
      await finish(core, exchange, upload, digest);
    } catch (error) {
      // Nobody knows this session, so nobody can go on.
      await end(core, upload);
      throw error;
    }
  });
}

/** PATCH: appends. */
export async function appendUpload(
  core: RegistryCore,
  exchange: Exchange,
  name: string,
  uuid: string,
): Promise<void> {
  const { signal } = exchange;
  const size = await core.sessions.hold(name, uuid, { signal }, async (upload) => {
    checkRange(core, exchange, upload);
    await take(core, exchange, upload);
    // What does not get written down is no failure of the upload: it is hashed again.
    await upload.keepState().catch(() => undefined);
    return upload.size;
  });
  return answerSession(core, exchange, 202, { name, uuid, size });
}

/** PUT: takes the last bytes, if any, checks the digest and makes the blob visible. */
export async function finishUpload(
  core: RegistryCore,
  exchange: Exchange,
  name: string,
  uuid: string,
): Promise<void> {
  const { signal } = exchange;
  const digest = await core.sessions.hold(name, uuid, { signal }, async (upload) => {
    const wanted = digestIn(exchange.query.get("digest") ?? "");
    checkRange(core, exchange, upload);
    await take(core, exchange, upload);
    await finish(core, exchange, upload, wanted);
    return wanted;
  });
  return answerCreated(exchange, name, digest);
}

export async function answerUpload(
  core: RegistryCore,
  exchange: Exchange,
  name: string,
  uuid: string,
): Promise<void> {
  const size = await core.sessions.sizeOf(name, uuid);
  return answerSession(core, exchange, 204, { name, uuid, size });
}

export async function cancelUpload(
  core: RegistryCore,
  exchange: Exchange,
  name: string,
  uuid: string,
): Promise<void> {
  await core.sessions.hold(name, uuid, { signal: exchange.signal }, (upload) => end(core, upload));
  await answer(exchange, 204);
}

/**
 * `Content-Range: <first>-<last>` must begin where the session ends. (`bytes ` before it and a total behind it are in no
 * specification of ours, but clients send them.)
 */
function checkRange(core: RegistryCore, exchange: Exchange, upload: Upload): void {
  const header = exchange.request.headers["content-range"];
  if (header === undefined) return;
  const [, first, last] = /^(?:bytes )?(\d{1,15})-(\d{1,15})(?:\/(?:\d+|\*))?$/.exec(header) ?? [];
  const [start, end] = [Number(first), Number(last)];
  if (start !== upload.size || !(end >= start)) {
    const known = sessionHeaders(core, exchange, upload);
    throw new RegistryError("RANGE_INVALID", [{ "Content-Range": header, size: upload.size }], known);
  }
  const length = bodyLength(exchange);
  if (length !== undefined && length !== end - start + 1) {
    throw new RegistryError("SIZE_INVALID", [{ "Content-Range": header, "Content-Length": length }]);
  }
}

async function take(core: RegistryCore, exchange: Exchange, upload: Upload): Promise<void> {
  const length = bodyLength(exchange);
  try {
    const permit = await askPolicy(core, exchange, upload, length);
    if (length !== 0) await upload.append(bounded(bodyOf(exchange), upload.size, permit));
  } catch (error) {
    // What is refused now stays refused, and costs nothing.
    if (error instanceof RegistryError) await end(core, upload);
    throw error;
  }
}

async function end(core: RegistryCore, upload: Upload): Promise<void> {
  await upload.cancel();
  await core.policy.uploadEnded?.(upload.uuid, upload.name);
}

async function askPolicy(
  core: RegistryCore,
  exchange: Exchange,
  session: Pick<Upload, "name" | "uuid" | "size">,
  length: number | undefined,
) {
  const { name: repository, uuid: uploadId, size: offset } = session;
  return core.policy.beforeUpload?.({ repository, actor: actorOf(exchange), uploadId, offset, size: length });
}

async function* bounded(source: ByteSource, offset: number, permit: UploadPermit = {}): ByteSource {
  const { maxBytes = Infinity } = permit;
  let size = offset;
  for await (const chunk of source) {
    size += chunk.length;
    if (size > maxBytes) throw new RegistryError("DENIED", [{ size, limit: maxBytes }]);
    await permit.grow?.(size);
    yield chunk;
  }
}

/** The blob is durable before anything leads to it. */
async function finish(core: RegistryCore, exchange: Exchange, upload: Upload, digest: Digest): Promise<void> {
  const { name, uuid } = upload;
  try {
    await upload.finish(digest, async (path, size) => {
      const actor = actorOf(exchange);
      await core.policy.beforeBlob?.({ repository: name, actor, digest, size, uploadId: uuid });
      // Over one that is there already, too: so nothing has to be known about that one.
      await core.storage.move(path, paths.blob(digest));
      await linkBlob(core.storage, name, digest);
      core.sightings.saw(digest, name);
      const told = { repository: name, digest, size, mediaType: "application/octet-stream" };
      core.tell(exchange, { action: "push", kind: "blob", ...told });
    });
    await core.policy.uploadEnded?.(uuid, name);
  } catch (error) {
    if (error instanceof RegistryError) await core.policy.uploadEnded?.(uuid, name);
    throw error;
  }
}

function digestIn(text: string): Digest {
  if (isDigest(text)) return text;
  throw new RegistryError("DIGEST_INVALID", [text.slice(0, 200)]);
}

/** The algorithm of the digest to come, a hint: another one costs a second reading. */
function algorithmIn(exchange: Exchange): Algorithm {
  const wanted = exchange.query.get("digest-algorithm") ?? "sha256";
  if (wanted === "sha256" || wanted === "sha512") return wanted;
  throw new RegistryError("DIGEST_INVALID", [{ "digest-algorithm": wanted.slice(0, 200) }]);
}

type SessionState = Pick<Upload, "name" | "uuid" | "size">;

/** `Range: 0-0` means empty as well as one byte: distribution's own ambiguity, which clients expect. */
function sessionHeaders(
  core: RegistryCore,
  exchange: Exchange,
  session: SessionState,
): Record<string, string> {
  return {
    Location: uploadLocation(exchange.locationBase, session, core.uploadSecret),
    "Docker-Upload-UUID": session.uuid,
    Range: `0-${Math.max(0, session.size - 1)}`,
  };
}

async function answerSession(core: RegistryCore, exchange: Exchange, status: number, session: SessionState) {
  await answer(exchange, status, sessionHeaders(core, exchange, session));
}

async function answerCreated(exchange: Exchange, name: string, digest: Digest): Promise<void> {
  const location = `${exchange.locationBase}/v2/${name}/blobs/${digest}`;
  await answer(exchange, 201, { Location: location, "Docker-Content-Digest": digest });
}
