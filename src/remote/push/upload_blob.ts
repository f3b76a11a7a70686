/**
 * One blob into a repository: POST a session, PATCH the bytes, PUT the digest, HEAD to see it there (behaviours B125).
 * After a break the session is asked how much it has, and only the rest is sent (OCI distribution spec, "Pushing a blob
 * in chunks"; behaviours B129).
 */
import { cancelled, count, type ByteSource } from "../../bytes/index.ts";
import { Failure } from "../../errors.ts";
import type { Descriptor } from "../../oci/index.ts";
import type { Connection, RemoteRequest } from "../connection.ts";
import { NetworkFailure } from "../http/network_failure.ts";
import { backoffMs, maxRetries } from "../http/retry.ts";
import type { HttpAnswer } from "../http/send.ts";
import { Refusal, refusalOf } from "../refusal.ts";
import type { JournalPage } from "./upload_journal.ts";

export interface BlobUpload {
  readonly connection: Connection;
  /** Repository path: `library/alpine`. */
  readonly name: string;
  readonly scopes: readonly string[];
  readonly blob: Descriptor;
  /** The blob's bytes from an offset on; may be called several times. */
  open(offset: number): Promise<ByteSource>;
  readonly journal: JournalPage;
  /** A session that is open already: the answer to a mount that was not granted. */
  readonly session?: string;
  /** Told how many bytes the registry has been sent, counting those of earlier attempts. */
  readonly onSent?: (bytes: number) => void;
  readonly signal: AbortSignal;
}

/** A registry on an object store may copy the whole blob before it answers the PUT. Milliseconds. */
const commitMs = 15 * 60_000;

/** Throws `Failure("unauthorized")`, `Failure("denied")` and other refusals, `Failure("unavailable")`. */
export async function uploadBlob(upload: BlobUpload): Promise<void> {
  const { journal, signal } = upload;
  let session =
    upload.session === undefined ? await resume(upload, await journal.read()) : fresh(upload.session);
  for (let failures = 0; ;) {
    try {
      session ??= await start(upload);
      await transfer(upload, session);
      await journal.remove();
      return;
    } catch (error) {
      if (signal.aborted) throw cancelled(signal);
      failures += 1;
      if (failures > maxRetries || !mayPass(error, session)) throw error;
      await upload.connection.clock.sleep(backoffMs(failures - 1), signal);
      // After a wrong digest the session's content is spoilt; after anything else it is asked what it has.
      session = isDigestRefusal(error) ? undefined : await resume(upload, session?.location);
    }
  }
}

interface Session {
  /** Changes with every answer: some registries keep their state in it. */
  location: string;
  /** Bytes that the registry has. */
  offset: number;
  /** Whether any byte in it came from before this attempt. */
  readonly resumed: boolean;
}

function fresh(location: string): Session {
  return { location, offset: 0, resumed: false };
}

async function start(upload: BlobUpload): Promise<Session> {
  const answer = await ask(upload, { method: "POST", path: `/v2/${upload.name}/blobs/uploads/` });
  answer.discard();
  const session = fresh(locationOf(answer));
  await upload.journal.write(session.location);
  return session;
}

/** Asks a session how far it is. Undefined: there is none, or it is gone; a new one is to be started. */
async function resume(upload: BlobUpload, location: string | undefined): Promise<Session | undefined> {
  if (location === undefined) return undefined;
  const { connection, scopes, signal, blob } = upload;
  const answer = await connection.request({ method: "GET", path: location, scopes, signal });
  answer.discard();
  // `0-0` stands for one byte and, with distribution, for none: none is the safe reading.
  const end = Number(/^(?:bytes=)?0-(\d+)$/.exec(answer.headers.range ?? "")?.[1] ?? Number.NaN);
  if (answer.status !== 204 || Number.isNaN(end) || end >= blob.size) {
    await upload.journal.remove();
    return undefined;
  }
  const offset = end === 0 ? 0 : end + 1;
  return { location: answer.headers.location ?? location, offset, resumed: offset > 0 };
}

async function transfer(upload: BlobUpload, session: Session): Promise<void> {
  const { blob } = upload;
  if (session.offset < blob.size) {
    const answer = await ask(upload, await patch(upload, session));
    answer.discard();
    session.location = answer.headers.location ?? session.location;
    session.offset = blob.size;
  }
  const url = upload.connection.urlOf(session.location);
  url.searchParams.set("digest", blob.digest);
  const commit = await ask(upload, {
    method: "PUT",
    path: url.href,
    headers: { "Content-Type": "application/octet-stream", "Content-Length": 0 },
    answerMs: commitMs,
  });
  commit.discard();
  const check = await ask(upload, { method: "HEAD", path: `/v2/${upload.name}/blobs/${blob.digest}` });
  check.discard();
}

async function patch(upload: BlobUpload, session: Session): Promise<Ask> {
  const { blob } = upload;
  const start = session.offset;
  const bytes = await upload.open(start);
  const range = start === 0 ? {} : { "Content-Range": `${start}-${blob.size - 1}` };
  return {
    method: "PATCH",
    path: session.location,
    headers: { "Content-Type": "application/octet-stream", "Content-Length": blob.size - start, ...range },
    body: count(exactly(bytes, blob, start), (sent) => upload.onSent?.(start + sent)),
  };
}

/** Content-Length was promised: a source of another length is our own fault, not the network's. */
async function* exactly(source: ByteSource, { digest, size }: Descriptor, offset: number): ByteSource {
  let position = offset;
  for await (const chunk of source) {
    position += chunk.length;
    if (position > size) break;
    yield chunk;
  }
  if (position === size) return;
  const found = position > size ? "more" : `only ${position}`;
  throw new Failure("corrupt", `push blob ${digest}: it should have ${size} bytes, but there are ${found}`);
}

type Ask = Pick<RemoteRequest, "method" | "path" | "headers" | "body" | "answerMs">;

async function ask({ connection, scopes, signal }: BlobUpload, request: Ask): Promise<HttpAnswer> {
  const answer = await connection.request({ ...request, scopes, signal });
  if (answer.status >= 400) throw await refusalOf(request.method, answer);
  return answer;
}

function locationOf(answer: HttpAnswer): string {
  const { location } = answer.headers;
  if (answer.status === 202 && location !== undefined) return location;
  throw new Failure("unavailable", `start upload: the registry answered ${answer.status} without a Location`);
}

/** What another attempt may mend: the network, a busy server, a lost or confused session, a token that ran out. */
function mayPass(error: unknown, session: Session | undefined): boolean {
  if (error instanceof NetworkFailure) return session !== undefined;
  if (!(error instanceof Refusal)) return false;
  if (isDigestRefusal(error)) return session?.resumed === true;
  if (error.status >= 500) return true;
  return session !== undefined && [401, 404, 408, 416, 429].includes(error.status);
}

function isDigestRefusal(error: unknown): boolean {
  return error instanceof Refusal && error.codes.includes("DIGEST_INVALID");
}
