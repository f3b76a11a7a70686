/** An image in a registry, as the rest of varve sees images. */
import { collect, decompress, verify } from "../../bytes/index.ts";
import type { ByteSource, ImageView, LayerView, OpenOptions } from "../../bytes/index.ts";
import { Failure } from "../../errors.ts";
import {
  mediaTypes,
  repositoryOf,
  type BlobDigest,
  type Descriptor,
  type Digest,
  type ImageId,
  type Manifest,
  type Reference,
} from "../../oci/index.ts";
import type { FetchedManifest } from "./manifests.ts";

/** Opens a blob of the image's repository. */
export type OpenRemoteBlob = (blob: Descriptor, options: OpenOptions) => Promise<ByteSource>;

/** A config describes; one of this size is meant to hurt. */
const maxConfigBytes = 16 << 20;

const configTypes = new Set<string>([
  mediaTypes.dockerConfig,
  mediaTypes.ociConfig,
  // Written by registries and clients of 2015 and 2016 (moby, distribution/pull_v2.go).
  "application/octet-stream",
  "application/json",
  "",
]);

/** Throws `Failure("unsupported")` for an artifact that is no image (a chart, a plugin), unless it is of the type `also`. */
export function refuseArtifact(ref: Reference, { config }: Manifest, also?: string): void {
  if (configTypes.has(config.mediaType) || config.mediaType === also) return;
  throw new Failure(
    "unsupported",
    `${repositoryOf(ref)} is no image: its config has media type "${config.mediaType}"`,
    {
      hint: "Registries also keep charts, plugins and other artifacts; those need their own tools.",
    },
  );
}

/**
 * The view of a manifest that was fetched. Layers do not know their diff IDs: those stand in the config.
 *
 * @param referenceDigest digest under which the name was resolved: the index's, if there is one.
 */
export function remoteImage(
  ref: Reference,
  fetched: FetchedManifest,
  manifest: Manifest,
  referenceDigest: Digest,
  open: OpenRemoteBlob,
): ImageView {
  const { config } = manifest;
  const repository = repositoryOf(ref);
  return {
    imageId: config.digest as ImageId,
    configDescriptor: config,
    layers: manifest.layers.map((layer) => remoteLayer(layer, repository, open)),
    manifest: fetched,
    referenceDigest,
    readConfig: async ({ signal }) => {
      const bytes = await open(config, { signal });
      const expected = { digest: config.digest, size: config.size, what: "image config" };
      return collect(verify(bytes, expected), maxConfigBytes, "image config");
    },
  };
}

function remoteLayer(blob: Descriptor, repository: string, open: OpenRemoteBlob): LayerView {
  return {
    blob,
    seenAt: [{ digest: blob.digest as BlobDigest, repository }],
    openBlob: (options) => open(blob, options),
    openTar: async ({ signal, offset = 0 }) => {
      const bytes = await open(blob, { signal });
      const expected = { digest: blob.digest, size: blob.size, what: "filesystem layer" };
      return from(decompress(verify(bytes, expected), { signal }), offset);
    },
  };
}

/** A compressed stream cannot be entered in the middle. */
async function* from(source: ByteSource, offset: number): ByteSource {
  let left = offset;
  for await (const chunk of source) {
    const part = chunk.subarray(Math.min(left, chunk.length));
    left -= chunk.length - part.length;
    if (part.length > 0) yield part;
  }
}
