/** An image into a repository: layers in parallel, then the config, then the manifest (behaviours B124 to B129). */
import type { ImageView, LayerView } from "../../bytes/index.ts";
import { cancelled, fromBytes } from "../../bytes/index.ts";
import {
  parseManifest,
  repositoryOf,
  type Descriptor,
  type Digest,
  type DiffId,
  type Manifest,
} from "../../oci/index.ts";
import type { FetchedManifest } from "../pull/manifests.ts";
import { refusalOf } from "../refusal.ts";
import { isForeign, layerId, placeLayer, sizeThere, type PushContext } from "./place_layer.ts";
import { planPush } from "./plan_push.ts";
import { buildManifest } from "./schema2.ts";
import { uploadBlob } from "./upload_blob.ts";

export interface PushedImage {
  readonly digest: Digest;
  /** Bytes of the manifest. */
  readonly size: number;
  /** What is now known to be in the repository, bottom layer first: to be remembered for the next push. */
  readonly layers: readonly { readonly diffId?: DiffId; readonly blob: Descriptor }[];
}

/** Docker's `max-concurrent-uploads`. */
export const defaultUploads = 5;

export async function pushImage(
  given: PushContext,
  image: ImageView,
  concurrency: number,
): Promise<PushedImage> {
  const { ref, report } = given;
  report({ status: `The push refers to repository [${repositoryOf(ref)}]` });
  const own = ownManifest(image);
  const plan = await planPush(given, image, knownBlobs(image, own), own && image.manifest?.descriptor);
  const context = { ...given, plan };
  const blobs = await placeLayers(context, image, own?.layers, concurrency);
  await placeConfig(context, image);
  const manifest = chooseManifest(image, own, blobs);
  await putManifest(context, manifest);
  const { digest, size } = manifest.descriptor;
  report({ status: `${ref.tag ?? digest}: digest: ${digest} size: ${size}` });
  const layers = image.layers.map(({ diffId }, i) => ({
    ...(diffId === undefined ? {} : { diffId }),
    blob: blobs[i] as Descriptor,
  }));
  return { digest, size, layers };
}

/** Those that are distributed and whose digests are known before anything is compressed. */
function knownBlobs(image: ImageView, own: Manifest | undefined): Descriptor[] {
  const layers = image.layers.map(({ blob }, i) => own?.layers[i] ?? blob);
  const known = layers.filter((blob) => blob !== undefined && !isForeign(blob)) as Descriptor[];
  return [...known, image.configDescriptor];
}

/** The image's own manifest, if it is about the same config and number of layers. */
function ownManifest({ manifest, imageId, layers }: ImageView): Manifest | undefined {
  if (manifest === undefined) return undefined;
  const parsed = parseManifest(manifest.bytes, manifest.descriptor.mediaType);
  if (parsed.kind !== "manifest" || parsed.manifest.config.digest !== imageId) return undefined;
  return parsed.manifest.layers.length === layers.length ? parsed.manifest : undefined;
}

/** Its own bytes keep the digest; they can be used when every layer went under the name that they give it. */
function chooseManifest(
  image: ImageView,
  own: Manifest | undefined,
  blobs: readonly Descriptor[],
): FetchedManifest {
  const same = own?.layers.every(({ digest }, i) => digest === blobs[i]?.digest);
  if (same === true && image.manifest !== undefined) return image.manifest;
  return buildManifest(image.configDescriptor, blobs);
}

/** Top layer first, as Docker lists them; equal layers are sent once. */
async function placeLayers(
  context: PushContext,
  image: ImageView,
  wanted: readonly Descriptor[] | undefined,
  concurrency: number,
): Promise<Descriptor[]> {
  const tasks = new Map<string, { layer: LayerView; wanted: Descriptor | undefined }>();
  const keys = image.layers.map((layer, i) => layer.diffId ?? layer.blob?.digest ?? String(i));
  for (const i of [...keys.keys()].reverse()) {
    const layer = image.layers[i] as LayerView;
    context.report({ id: layerId(layer), status: "Preparing" });
    const key = keys[i] as string;
    if (!tasks.has(key)) tasks.set(key, { layer, wanted: wanted?.[i] });
  }
  const waiting = [...tasks.values()].slice(concurrency);
  for (const { layer } of waiting) context.report({ id: layerId(layer), status: "Waiting" });
  const placed = await inParallel(
    [...tasks.entries()],
    concurrency,
    context.signal,
    async ([key, task], signal) => {
      return [key, await placeLayer({ ...context, signal }, task.layer, task.wanted)] as const;
    },
  );
  const byKey = new Map(placed);
  return keys.map((key) => byKey.get(key) as Descriptor);
}

/** Runs the work, so many at a time. The first failure stops all others and is thrown when they have stopped. */
async function inParallel<T, R>(
  items: readonly T[],
  concurrency: number,
  signal: AbortSignal,
  work: (item: T, signal: AbortSignal) => Promise<R>,
): Promise<R[]> {
  const stop = new AbortController();
  const either = AbortSignal.any([signal, stop.signal]);
  const results: R[] = [];
  const failures: unknown[] = [];
  const queue = items.entries();
  const runner = async (): Promise<void> => {
    for (const [i, item] of queue) {
      if (either.aborted) return;
      try {
        results[i] = await work(item, either);
      } catch (error) {
        failures.push(error);
        stop.abort();
      }
    }
  };
  await Promise.all(Array.from({ length: Math.max(1, concurrency) }, runner));
  if (failures.length > 0) throw failures[0];
  if (signal.aborted) throw cancelled(signal);
  return results;
}

async function placeConfig(context: PushContext, image: ImageView): Promise<void> {
  const { connection, ref, scopes, journal, signal } = context;
  const blob = image.configDescriptor;
  if ((await sizeThere(context, blob.digest)) !== undefined) return;
  const bytes = await image.readConfig({ signal });
  await uploadBlob({
    connection,
    name: ref.path,
    scopes,
    blob: { ...blob, size: bytes.length },
    open: async (offset) => fromBytes(bytes.subarray(offset)),
    journal: journal.page(`${connection.endpoint.base}/v2/${ref.path}`, blob.digest),
    signal,
  });
}

async function putManifest(context: PushContext, { bytes, descriptor }: FetchedManifest): Promise<void> {
  const { connection, ref, scopes, signal } = context;
  const answer = await connection.request({
    method: "PUT",
    path: `/v2/${ref.path}/manifests/${ref.tag ?? descriptor.digest}`,
    scopes,
    headers: { "Content-Type": descriptor.mediaType },
    body: bytes,
    signal,
  });
  if (answer.status >= 400) throw await refusalOf("PUT", answer);
  answer.discard();
}
