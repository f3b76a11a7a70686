/**
 * Where a registry offers it (varve's does, see docs/registry_server.md), it is told what is to be pushed before anything
 * is: one question instead of one for each blob, and a push that the registry will not have ends here.
 */
import { collect, type ImageView } from "../../bytes/index.ts";
import { isDigest, repositoryOf, type Descriptor, type Digest } from "../../oci/index.ts";
import { refusalOf } from "../refusal.ts";
import type { PushContext } from "./place_layer.ts";

/** What the registry says of a blob; without `from` it can be mounted without naming a repository. */
export type PlannedBlob =
  | { readonly state: "present"; readonly size: number }
  | { readonly state: "mountable"; readonly size: number; readonly from?: string }
  | { readonly state: "missing" };

export type PushPlan = ReadonlyMap<Digest, PlannedBlob>;

interface AskedBlob {
  readonly digest: Digest;
  readonly size: number;
  readonly from: readonly string[];
}

/** Bytes of an answer. */
const answerLimit = 4 << 20;
/** As many as the registry looks at, and Docker's client tries. */
const maxSources = 4;

/**
 * What is known of the image's blobs, empty where nothing is. Throws the registry's refusal of the whole push.
 * @param blobs config and layers as far as their digests are known
 * @param manifest undefined where it depends on what the registry has
 */
export async function planPush(
  context: PushContext,
  image: ImageView,
  blobs: readonly Descriptor[],
  manifest: Descriptor | undefined,
): Promise<PushPlan> {
  const { connection, ref, signal } = context;
  if (!connection.extensions.has("plan")) return new Map();
  const asked = [...new Map(blobs.map((blob) => [blob.digest, askedBlob(context, image, blob)])).values()];
  const sources = new Set(asked.flatMap(({ from }) => from));
  const body = {
    blobs: asked,
    ...(manifest && { manifest: { digest: manifest.digest, size: manifest.size } }),
    ...(ref.tag !== undefined && { tags: [ref.tag] }),
  };
  const answer = await connection.request({
    method: "POST",
    path: `/v2/${ref.path}/_varve/plan`,
    scopes: [...context.scopes, ...[...sources].map((name) => `repository:${name}:pull`)],
    headers: { "Content-Type": "application/json" },
    body: Buffer.from(JSON.stringify(body)),
    signal,
  });
  if (answer.status === 403) throw await refusalOf("POST", answer);
  if (answer.status !== 200) {
    answer.discard();
    return new Map();
  }
  return planIn(await collect(answer.body, answerLimit, "plan of a push"));
}

function askedBlob({ ref }: PushContext, image: ImageView, { digest, size }: Descriptor): AskedBlob {
  const prefix = `${ref.domain}/`;
  const seen = image.layers.flatMap(({ seenAt = [] }) => seenAt.filter((place) => place.digest === digest));
  const elsewhere = seen
    .map(({ repository }) => repository)
    .filter((repository) => repository.startsWith(prefix) && repository !== repositoryOf(ref));
  const from = [...new Set(elsewhere)].slice(0, maxSources).map((name) => name.slice(prefix.length));
  return { digest, size, from };
}

/** What cannot be read is not known. */
function planIn(bytes: Uint8Array): PushPlan {
  const plan = new Map<Digest, PlannedBlob>();
  for (const item of blobsIn(bytes)) {
    const { digest, size, state, from } = (item ?? {}) as Readonly<Record<string, unknown>>;
    if (typeof digest !== "string" || !isDigest(digest)) continue;
    if (state === "missing") plan.set(digest, { state });
    else if (typeof size !== "number" || !Number.isSafeInteger(size)) continue;
    else if (state === "present") plan.set(digest, { state, size });
    else if (state === "mountable")
      plan.set(digest, { state, size, ...(typeof from === "string" && { from }) });
  }
  return plan;
}

function blobsIn(bytes: Uint8Array): readonly unknown[] {
  try {
    const { blobs } = JSON.parse(Buffer.from(bytes).toString()) as { readonly blobs?: unknown };
    return Array.isArray(blobs) ? blobs : [];
  } catch {
    return [];
  }
}
