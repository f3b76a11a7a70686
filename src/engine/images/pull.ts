/** `pull`: from a registry into the store (behaviours section 6). */
import { Failure } from "../../errors.ts";
import {
  familiarName,
  familiarReference,
  formatPlatform,
  hostPlatform,
  parseReference,
  withDefaultTag,
  type Descriptor,
  type Digest,
  type ImageId,
  type Platform,
  type Reference,
} from "../../oci/index.ts";
import type { Remote } from "../../remote/index.ts";
import { receiveImage, type Store, type StoredImage } from "../../store/index.ts";
import type { Waiting } from "./waiting.ts";

export interface PullResult {
  /** What was asked for, with its tag. */
  readonly name: Reference;
  /** What `name@digest` holds: the digest of the index or manifest that the name led to. */
  readonly digest: Digest;
  readonly imageId: ImageId;
  /** Nothing was fetched: the name already led here. */
  readonly upToDate: boolean;
  /** Bytes that came over the network, and bytes of layers that were here already. */
  readonly bytesFetched: number;
}

export interface PullOptions extends Waiting {
  readonly platform?: Platform;
}

/**
 * Pulls one image: `GET /v2/` and one HEAD when it is here already, else the walk of behaviours section 6. Throws
 * `Failure("not-found")` for an unknown name; after any failure the store is unchanged.
 */
export async function pullImage(
  store: Store,
  remote: Remote,
  text: string,
  options: PullOptions,
): Promise<PullResult> {
  const { report, signal } = options;
  const name = pulledName(text);
  const { domain, path } = name;
  const before = await store.names.get(name);
  const known = await askAgain(store, remote, name, before, options);
  const status = { id: name.tag ?? familiarReference(name), status: `Pulling from ${path}` };
  if (known?.imageId !== undefined) {
    report?.(status);
    return { name, digest: known.digest, imageId: known.imageId, upToDate: true, bytesFetched: 0 };
  }
  const asked = known?.descriptor === undefined ? {} : { descriptor: known.descriptor };
  const image = await remote.resolve(name, { ...options, ...asked });
  report?.(status);
  const digest = image.referenceDigest ?? image.imageId;
  const names = name.digest === undefined ? [name, { domain, path, digest }] : [name];
  const concurrency = remote.concurrentDownloads;
  const { imageId, bytesFetched } = await receiveImage(store, image, names, {
    signal,
    ...(report && { report }),
    ...(concurrency !== undefined && { concurrency }),
  });
  return { name, digest, imageId, upToDate: before === imageId, bytesFetched };
}

/** With a digest the tag means nothing: Docker drops it (docker/cli, `getAPITagFromNamedRef`). */
function pulledName(text: string): Reference {
  const name = withDefaultTag(parseReference(text));
  const { domain, path, digest } = name;
  // What `FROM` calls the empty image (moby, registry/config.go).
  if (familiarName(name) === "scratch") throw new Failure("invalid", "'scratch' is a reserved name");
  return digest === undefined ? name : { domain, path, digest };
}

interface Known {
  readonly digest: Digest;
  /** The image, where the name leads to it here as it does there. */
  readonly imageId?: ImageId;
  /** What the registry said of a tag: need not be asked again. */
  readonly descriptor?: Descriptor;
}

/** One HEAD tells whether a name that is here still leads to what is here (behaviours B123); undefined: it is not. */
async function askAgain(
  store: Store,
  remote: Remote,
  name: Reference,
  here: ImageId | undefined,
  options: PullOptions,
): Promise<Known | undefined> {
  const image = here === undefined ? undefined : await store.images.get(here);
  if (image === undefined || !isWanted(image, options.platform)) return undefined;
  if (name.digest !== undefined) return { digest: name.digest, imageId: image.id };
  const descriptor = await remote.head(name, { signal: options.signal });
  const { digest } = descriptor;
  const same = (await store.names.get({ domain: name.domain, path: name.path, digest })) === image.id;
  return same ? { digest, imageId: image.id } : { digest, descriptor };
}

/** An image for another platform may lie under the same digest: that of the index. */
function isWanted({ config }: StoredImage, platform: Platform = hostPlatform()): boolean {
  const { os, architecture, variant } = config;
  const own = { os, architecture, ...(variant !== undefined && { variant }) };
  return formatPlatform(own) === formatPlatform(platform);
}
