/** `push`: from the store to a registry (behaviours section 7). */
import { Failure } from "../../errors.ts";
import {
  familiarName,
  familiarReference,
  formatReference,
  parseReference,
  withDefaultTag,
  type Digest,
  type Reference,
} from "../../oci/index.ts";
import type { PushedImage, Remote } from "../../remote/index.ts";
import { viewImage, type Store } from "../../store/index.ts";
import { namedReferences } from "./list.ts";
import type { Waiting } from "./waiting.ts";

export interface PushResult {
  readonly name: Reference;
  readonly digest: Digest;
  /** Bytes of the manifest. */
  readonly size: number;
}

/** Pushes the image that `to` holds. Throws `Failure("not-found")` when no image has that name. */
export async function pushImage(
  store: Store,
  remote: Remote,
  to: Reference | string,
  options: Waiting,
): Promise<PushResult> {
  const name = withDefaultTag(typeof to === "string" ? parseReference(to) : to);
  const id = await store.names.get(name);
  const repository = formatReference({ domain: name.domain, path: name.path });
  if (id === undefined) {
    options.report?.({ status: `The push refers to repository [${repository}]` });
    throw new Failure(
      "not-found",
      // Docker names the repository alone where it has no tag at all.
      (await hasTags(store, name))
        ? `tag does not exist: ${familiarReference(name)}`
        : `An image does not exist locally with the tag: ${familiarName(name)}`,
      {
        hint: "`varve images` lists what is here; `varve tag` gives an image another name",
      },
    );
  }
  const pushed = await remote.push(await viewImage(store, id), name, options);
  await store.names.set({ domain: name.domain, path: name.path, digest: pushed.digest }, id);
  await rememberLayers(store, remote, name, pushed);
  return { name, digest: pushed.digest, size: pushed.size };
}

async function hasTags(store: Store, { domain, path }: Reference): Promise<boolean> {
  const names = await namedReferences(store);
  return names.some(([name]) => name.domain === domain && name.path === path);
}

/** The next push skips or mounts what this one is now known to have brought there (behaviours B126, B144). */
async function rememberLayers(
  store: Store,
  remote: Remote,
  name: Reference,
  pushed: PushedImage,
): Promise<void> {
  const hmacKey = await remote.hmacKey(name);
  const repository = formatReference({ domain: name.domain, path: name.path });
  for (const { diffId, blob } of pushed.layers) {
    if (diffId !== undefined) await store.maps.add(diffId, { digest: blob.digest, repository }, hmacKey);
  }
}
