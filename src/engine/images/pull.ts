/** `pull`: from a registry into the store (behaviours section 6). */
import {
  parseReference,
  withDefaultTag,
  type Digest,
  type ImageId,
  type Platform,
  type Reference,
} from "../../oci/index.ts";
import type { Remote } from "../../remote/index.ts";
import { receiveImage, type Store } from "../../store/index.ts";
import type { Waiting } from "./index.ts";

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

/** Pulls one image. Throws `Failure("not-found")` for an unknown name; after any failure the store is unchanged. */
export async function pullImage(
  store: Store,
  remote: Remote,
  text: string,
  options: PullOptions,
): Promise<PullResult> {
  const { report, signal } = options;
  const name = withDefaultTag(parseReference(text));
  const current = await upToDate(store, remote, name, options);
  if (current !== undefined) return current;
  const image = await remote.resolve(text, options);
  report?.({ id: name.tag ?? name.digest ?? "", status: `Pulling from ${shortPath(name)}` });
  const digest = image.referenceDigest ?? image.imageId;
  const names = name.digest === undefined ? [name, { domain: name.domain, path: name.path, digest }] : [name];
  const received = await receiveImage(store, image, names, { signal, ...(report && { report }) });
  return { name, digest, imageId: received.imageId, upToDate: false, bytesFetched: received.bytesFetched };
}

/** One HEAD tells whether the tag still leads to what we have (behaviours B123). */
async function upToDate(
  store: Store,
  remote: Remote,
  name: Reference,
  options: PullOptions,
): Promise<PullResult | undefined> {
  if (options.platform !== undefined) return undefined;
  const here = await store.names.get(name);
  if (here === undefined || (await store.images.get(here)) === undefined) return undefined;
  const digest = name.digest ?? (await remote.head(name, { signal: options.signal })).digest;
  const known = await store.names.get({ domain: name.domain, path: name.path, digest });
  if (known !== here) return undefined;
  options.report?.({ id: name.tag ?? digest, status: `Pulling from ${shortPath(name)}` });
  return { name, digest, imageId: here, upToDate: true, bytesFetched: 0 };
}

/** Docker names the repository without its registry here: `library/alpine`. */
function shortPath(name: Reference): string {
  return name.path;
}
