/** Manifests by tag and by digest, checked against the digest they were asked for. */
import { collect } from "../../bytes/index.ts";
import { Failure } from "../../errors.ts";
import {
  algorithmOf,
  digestOf,
  familiarName,
  familiarReference,
  isDigest,
  maxManifestBytes,
  mediaTypes,
  type Descriptor,
  type Digest,
  type Reference,
} from "../../oci/index.ts";
import type { Connection } from "../connection.ts";
import type { HttpAnswer } from "../http/send.ts";
import { Refusal, refusalOf } from "../refusal.ts";

/** A manifest's exact bytes with the media type that the registry gave them. */
export interface FetchedManifest {
  readonly bytes: Uint8Array;
  readonly descriptor: Descriptor;
}

// Schema 1 is named too: else a registry that has nothing better says "not found" instead of what it has.
const accept = [
  mediaTypes.dockerManifest,
  mediaTypes.dockerList,
  mediaTypes.ociManifest,
  mediaTypes.ociIndex,
  "application/vnd.docker.distribution.manifest.v1+prettyjws",
  "application/json",
].join(", ");

export function pullScope(ref: Reference): string {
  return `repository:${ref.path}:pull`;
}

/**
 * What the name stands for, by HEAD; by GET where the registry does not answer HEAD in full. This is the one request
 * that an up-to-date check needs (behaviours B123). Throws in Docker's words when there is no such image.
 */
export async function headManifest(
  connection: Connection,
  ref: Reference,
  signal: AbortSignal,
): Promise<Descriptor> {
  const request = { path: pathOf(ref), scopes: [pullScope(ref)], headers: { Accept: accept }, signal };
  const head = await connection.request({ ...request, method: "HEAD" });
  head.discard();
  const descriptor = head.status < 400 ? describe(head) : undefined;
  if (descriptor !== undefined) return descriptor;
  const answer = await connection.request({ ...request, method: "GET" });
  return (await take(answer, ref, ref.digest)).descriptor;
}

/** The manifest with this digest. Throws `Failure("corrupt")` when the bytes hash to another. */
export async function getManifest(
  connection: Connection,
  ref: Reference,
  digest: Digest,
  signal: AbortSignal,
): Promise<FetchedManifest> {
  const answer = await connection.request({
    method: "GET",
    path: pathOf({ ...ref, digest }),
    scopes: [pullScope(ref)],
    headers: { Accept: accept },
    signal,
  });
  return take(answer, ref, digest);
}

function pathOf(ref: Reference): string {
  return `/v2/${ref.path}/manifests/${ref.digest ?? ref.tag ?? "latest"}`;
}

/** The descriptor that the head of an answer gives; undefined if it gives none. */
function describe({ headers }: HttpAnswer): Descriptor | undefined {
  const digest = headers["docker-content-digest"];
  const size = Number(headers["content-length"] ?? Number.NaN);
  if (typeof digest !== "string" || !isDigest(digest) || !Number.isSafeInteger(size)) return undefined;
  return { mediaType: headers["content-type"] ?? "", digest, size };
}

async function take(
  answer: HttpAnswer,
  ref: Reference,
  wanted: Digest | undefined,
): Promise<FetchedManifest> {
  if (answer.status !== 200) throw explain(await refusalOf("GET", answer), ref);
  const bytes = await collect(answer.body, maxManifestBytes, `manifest of ${familiarReference(ref)}`);
  const digest = digestOf(bytes, wanted === undefined ? "sha256" : algorithmOf(wanted));
  if (wanted !== undefined && digest !== wanted) {
    // Docker's words (distribution/pull_v2.go: schema2ManifestDigest).
    throw new Failure("corrupt", `manifest verification failed for digest ${wanted}`, {
      hint: "The registry, or something between, changed the manifest: do not trust this image.",
    });
  }
  const mediaType = answer.headers["content-type"] ?? "";
  return { bytes, descriptor: { mediaType, digest, size: bytes.length } };
}

/** Docker's text around the registry's (moby, distribution/errors.go: notFoundError). */
function explain(refusal: Refusal, ref: Reference): Refusal {
  const around = (text: string, hint?: string) =>
    new Refusal(
      refusal.kind,
      `${text}: ${refusal.message}`,
      refusal.status,
      refusal.codes,
      hint ?? refusal.hint,
    );
  const name = familiarName(ref);
  if (refusal.codes.includes("DENIED")) {
    const text = `pull access denied for ${name}, repository does not exist or may require 'docker login'`;
    return around(text, `If the name is right, log in first: varve login ${ref.domain}`);
  }
  if (refusal.codes.includes("MANIFEST_UNKNOWN"))
    return around(`manifest for ${familiarReference(ref)} not found`);
  if (refusal.codes.includes("NAME_UNKNOWN")) return around(`repository ${name} not found`);
  return refusal;
}
