/**
 * `POST /v2/<name>/_varve/plan`: a client says what it is about to push and learns what it need not send, before it sends
 * anything; a push that may not be is refused here. (OCI distribution spec, "Extensions": our name with an underscore.)
 *
 *     {"blobs": [{"digest", "size", "from": ["other/repository"]}], "manifest": {"digest", "size"}, "tags": ["v1"]}
 *     {"blobs": [{"digest", "size", "state": "present" | "mountable" | "missing", "from": "other/repository"}]}
 */
import { isDigest, type Digest } from "../oci/index.ts";
import { findBlob } from "./blobs.ts";
import { concurrently } from "./concurrently.ts";
import type { RegistryCore } from "./core.ts";
import { actorOf, answer, readBody, type Exchange } from "./exchange.ts";
import { findSource } from "./mounts.ts";
import { RegistryError } from "./registry_error.ts";
import { isRepositoryName, isTag } from "./tree.ts";

/** Bytes. */
const planLimit = 1 << 20;
const maxBlobs = 1000;
const maxSources = 4;

interface WantedBlob {
  readonly digest: Digest;
  readonly size: number;
  readonly from: readonly string[];
}

interface Wanted {
  readonly blobs: readonly WantedBlob[];
  readonly manifest: { readonly digest: Digest; readonly size: number } | undefined;
  readonly tags: readonly string[];
}

export async function answerPlan(core: RegistryCore, exchange: Exchange, name: string): Promise<void> {
  const { blobs, manifest, tags } = wantedIn(await readBody(exchange, planLimit));
  const planned = await concurrently(blobs, async ({ digest, size, from }) => {
    const present = await findBlob(core.keeping, name, digest);
    if (present !== undefined) return { digest, size: present.size, state: "present" };
    const source = await findSource(core, exchange, name, digest, from);
    if (source === undefined) return { digest, size, state: "missing" };
    return { digest, size: source.size, state: "mountable", ...(source.from && { from: source.from }) };
  });
  const actor = actorOf(exchange);
  await core.policy.beforePush?.({ repository: name, actor, blobs: planned, manifest, tags });
  const type = { "Content-Type": "application/json; charset=utf-8" };
  await answer(exchange, 200, type, JSON.stringify({ blobs: planned }));
}

/** @throws RegistryError for what is no plan */
function wantedIn(bytes: Buffer): Wanted {
  let value: unknown;
  try {
    value = JSON.parse(bytes.toString());
  } catch {
    throw invalid("no JSON");
  }
  const { blobs, manifest, tags = [] } = (value ?? {}) as Readonly<Record<string, unknown>>;
  if (!Array.isArray(blobs) || blobs.length > maxBlobs)
    throw invalid(`blobs is no list of at most ${maxBlobs}`);
  if (
    !Array.isArray(tags) ||
    tags.length > 100 ||
    !tags.every((tag) => typeof tag === "string" && isTag(tag))
  )
    throw invalid("tags is no list of tags");
  const wanted = new Map(
    blobs.map((blob: unknown) => [sizedIn(blob).digest, { ...sizedIn(blob), from: sourcesIn(blob) }]),
  );
  return {
    blobs: [...wanted.values()],
    manifest: manifest === undefined ? undefined : sizedIn(manifest),
    tags: tags as string[],
  };
}

function sizedIn(value: unknown): { readonly digest: Digest; readonly size: number } {
  const { digest, size } = (value ?? {}) as Readonly<Record<string, unknown>>;
  if (typeof digest !== "string" || !isDigest(digest)) throw invalid("digest is none");
  if (!Number.isSafeInteger(size) || (size as number) < 0) throw invalid(`size of ${digest} is none`);
  return { digest, size: size as number };
}

function sourcesIn(value: unknown): string[] {
  const { from } = value as Readonly<Record<string, unknown>>;
  return Array.isArray(from) ? from.map(String).filter(isRepositoryName).slice(0, maxSources) : [];
}

function invalid(detail: string): RegistryError {
  return new RegistryError("UNSUPPORTED", [detail], {}, { status: 400, message: `plan invalid: ${detail}` });
}
