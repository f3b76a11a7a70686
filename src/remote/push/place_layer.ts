/** Gets one layer into a repository by the cheapest way: it is there, it is mounted from a sibling, it is uploaded. */
import type { LayerView, Report, SeenBlob } from "../../bytes/index.ts";
import { collect, detectCompression, detectionLength } from "../../bytes/index.ts";
import { Failure } from "../../errors.ts";
import {
  mediaTypes,
  repositoryOf,
  shortId,
  type Descriptor,
  type Digest,
  type Reference,
} from "../../oci/index.ts";
import type { Connection } from "../connection.ts";
import { refusalOf } from "../refusal.ts";
import { uploadBlob } from "./upload_blob.ts";
import type { PushPlan } from "./plan_push.ts";
import type { UploadJournal } from "./upload_journal.ts";

export interface PushContext {
  readonly connection: Connection;
  readonly ref: Reference;
  readonly scopes: readonly string[];
  readonly journal: UploadJournal;
  readonly report: Report;
  readonly signal: AbortSignal;
  /** What the registry has said beforehand. */
  readonly plan?: PushPlan;
}

/** Docker's bounds (moby, distribution/push_v2.go) for layers of 10 MB and more. */
const maxChecks = 3;
const maxMounts = 4;

/**
 * Resolves with the descriptor under which the manifest has to name the layer. Reports in Docker's words.
 *
 * @param wanted the blob that the image's own manifest names for this layer; tried first.
 */
export async function placeLayer(
  context: PushContext,
  layer: LayerView,
  wanted: Descriptor | undefined,
): Promise<Descriptor> {
  const id = layerId(layer);
  const { report } = context;
  if (isForeign(wanted ?? layer.blob)) {
    report({ id, status: "Skipped foreign layer" });
    return (wanted ?? layer.blob) as Descriptor;
  }
  const there = await findThere(context, layer, wanted);
  if (there !== undefined) {
    report({ id, status: "Layer already exists" });
    return there;
  }
  const mounted = await mount(context, layer, wanted);
  if (mounted.from !== undefined) {
    report({ id, status: `Mounted from ${mounted.from}` });
    return mounted.blob;
  }
  const blob = await upload(context, layer, mounted.session);
  report({ id, status: "Pushed" });
  return blob;
}

/** The 12 digits of the progress line. */
export function layerId(layer: LayerView): string {
  return shortId(layer.diffId ?? layer.blob?.digest ?? "");
}

/** A layer that must be fetched from its own URLs (Windows base layers) is not distributed. */
export function isForeign(blob: Descriptor | undefined): boolean {
  return (blob?.urls?.length ?? 0) > 0 && /foreign|nondistributable/.test(blob?.mediaType ?? "");
}

/** Asks for every form of the layer that we know of, those that were seen in this repository first. */
async function findThere(
  context: PushContext,
  layer: LayerView,
  wanted: Descriptor | undefined,
): Promise<Descriptor | undefined> {
  const here = repositoryOf(context.ref);
  const seen = [...(layer.seenAt ?? [])].sort(
    (a, b) => Number(b.repository === here) - Number(a.repository === here),
  );
  const digests = [wanted?.digest, layer.blob?.digest, ...seen.map(({ digest }) => digest)];
  const distinct = [...new Set(digests)].filter((digest) => digest !== undefined);
  for (const digest of distinct.slice(0, maxChecks)) {
    const size = await sizeThere(context, digest);
    const found = size === undefined ? undefined : await describe(context, layer, wanted, digest, size);
    if (found !== undefined) return found;
  }
  return undefined;
}

/** Bytes of a blob in the target repository, NaN if the registry will not say; undefined if it is not there. */
export async function sizeThere(context: PushContext, digest: Digest): Promise<number | undefined> {
  const { connection, ref, scopes, signal, plan } = context;
  const planned = plan?.get(digest);
  if (planned !== undefined) return planned.state === "present" ? planned.size : undefined;
  const path = `/v2/${ref.path}/blobs/${digest}`;
  const answer = await connection.request({ method: "HEAD", path, scopes, signal });
  answer.discard();
  if (answer.status !== 200) return undefined;
  return Number(answer.headers["content-length"] ?? Number.NaN);
}

type Mounted =
  | { readonly from: string; readonly blob: Descriptor }
  | { readonly from?: undefined; readonly session?: string };

/** Asks the registry to take the blob over from repositories where it was seen; a refusal may open a session. */
async function mount(
  context: PushContext,
  layer: LayerView,
  wanted: Descriptor | undefined,
): Promise<Mounted> {
  const { connection, ref, signal } = context;
  for (const { path, digest } of siblings(context, layer, wanted).slice(0, maxMounts)) {
    const query = new URLSearchParams({ mount: digest, ...(path !== undefined && { from: path }) });
    const answer = await connection.request({
      method: "POST",
      path: `/v2/${ref.path}/blobs/uploads/?${query}`,
      scopes: path === undefined ? context.scopes : [...context.scopes, `repository:${path}:pull`],
      signal,
    });
    answer.discard();
    if (answer.status === 201) {
      const planned = context.plan?.get(digest);
      const told = planned?.state === "mountable" ? planned.size : await sizeThere(context, digest);
      const size = told ?? Number.NaN;
      const blob = await describe(context, layer, wanted, digest, size);
      if (blob !== undefined) return { from: path ?? ref.domain, blob };
    }
    const { location } = answer.headers;
    // A session serves any blob, so further mounts would only leave it lying about.
    if (answer.status === 202 && location !== undefined) return { session: location };
  }
  return {};
}

/** Other repositories of the same registry, the wanted form first. */
function siblings(
  { ref, plan }: PushContext,
  layer: LayerView,
  wanted: Descriptor | undefined,
): { path: string | undefined; digest: Digest }[] {
  const prefix = `${ref.domain}/`;
  const elsewhere = (layer.seenAt ?? []).filter(
    ({ repository }: SeenBlob) => repository.startsWith(prefix) && repository !== repositoryOf(ref),
  );
  const best = wanted?.digest ?? layer.blob?.digest;
  const seen = elsewhere
    .sort((a, b) => Number(b.digest === best) - Number(a.digest === best))
    .map(({ repository, digest }) => ({ path: repository.slice(prefix.length), digest }));
  const planned = best === undefined ? undefined : plan?.get(best);
  if (best === undefined || planned?.state !== "mountable") return seen;
  return [{ path: planned.from, digest: best }, ...seen.filter(({ digest }) => digest !== best)];
}

async function upload(
  context: PushContext,
  layer: LayerView,
  session: string | undefined,
): Promise<Descriptor> {
  const { connection, ref, scopes, report, signal } = context;
  const id = layerId(layer);
  const blob = layer.blob ?? (await layer.compress?.({ signal, report }));
  if (blob === undefined) {
    throw new Failure("unsupported", `push layer ${id}: its place can give no compressed form of it`);
  }
  // Compressed again, it may be what the registry has had all the time.
  const unchecked = layer.blob === undefined && session === undefined;
  if (unchecked && (await sizeThere(context, blob.digest)) !== undefined) return blob;
  const onSent = steps(blob.size, (current) => report({ id, status: "Pushing", current, total: blob.size }));
  await uploadBlob({
    connection,
    name: ref.path,
    scopes,
    blob,
    open: (offset) => layer.openBlob({ offset, signal }),
    journal: context.journal.page(`${connection.endpoint.base}/v2/${ref.path}`, blob.digest),
    ...(session === undefined ? {} : { session }),
    onSent,
    signal,
  });
  return blob;
}

/** Lets through one report for half a MiB or a hundredth, whichever is less, and the last (moby, pkg/progress). */
function steps(total: number, report: (bytes: number) => void): (bytes: number) => void {
  const step = Math.min(512 << 10, total / 100);
  let last = 0;
  return (bytes) => {
    if (bytes - last < step && bytes !== total) return;
    last = bytes;
    report(bytes);
  };
}

/**
 * The descriptor of a form that the registry has; its media type is known or read off its first bytes. Undefined where
 * its size is neither known nor told.
 */
async function describe(
  context: PushContext,
  layer: LayerView,
  wanted: Descriptor | undefined,
  digest: Digest,
  size: number,
): Promise<Descriptor | undefined> {
  const known = [wanted, layer.blob].find((blob) => blob?.digest === digest);
  if (known !== undefined) return known;
  if (!Number.isSafeInteger(size)) return undefined;
  return { mediaType: await sniff(context, digest, size), digest, size };
}

/** Docker assumes gzip; a layer that was pulled as zstd and is known by its digest only would then be misnamed. */
async function sniff(context: PushContext, digest: Digest, size: number): Promise<string> {
  const { connection, ref, scopes, signal } = context;
  const path = `/v2/${ref.path}/blobs/${digest}`;
  const headers = { Range: `bytes=0-${Math.min(size, detectionLength) - 1}` };
  const answer = await connection.request({ method: "GET", path, scopes, headers, signal });
  if (answer.status !== 206) {
    if (answer.status >= 400) throw await refusalOf("GET", answer);
    answer.discard();
    return mediaTypes.dockerLayerGzip;
  }
  const first = await collect(answer.body, detectionLength, `start of ${digest}`);
  switch (detectCompression(first)) {
    case "zstd":
      return mediaTypes.ociLayerZstd;
    case "none":
      return mediaTypes.dockerLayerTar;
    case "gzip":
    case "bzip2":
    case "xz":
      return mediaTypes.dockerLayerGzip;
  }
}
