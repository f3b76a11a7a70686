/** The manifest that a push makes where the image brings none, in the bytes that dockerd writes. */
import { Failure } from "../../errors.ts";
import { digestOf, mediaTypes, type Descriptor } from "../../oci/index.ts";
import type { FetchedManifest } from "../pull/manifests.ts";

const ociToDocker: Readonly<Record<string, string>> = {
  [mediaTypes.ociLayerTar]: mediaTypes.dockerLayerTar,
  [mediaTypes.ociLayerGzip]: mediaTypes.dockerLayerGzip,
};
const dockerToOci = new Map(Object.entries(ociToDocker).map(([oci, docker]) => [docker, oci]));

/**
 * Docker schema 2, keys in Docker's order, three spaces of indent (distribution, manifest/schema2). An image with a
 * zstd layer becomes an OCI manifest, because schema 2 has no type for it.
 */
export function buildManifest(config: Descriptor, layers: readonly Descriptor[]): FetchedManifest {
  const oci = layers.some(({ mediaType }) => mediaType === mediaTypes.ociLayerZstd);
  const mediaType = oci ? mediaTypes.ociManifest : mediaTypes.dockerManifest;
  const text = JSON.stringify(
    {
      schemaVersion: 2,
      mediaType,
      config: pick(config, oci ? mediaTypes.ociConfig : mediaTypes.dockerConfig),
      layers: layers.map((layer) => pick(layer, layerType(layer.mediaType, oci))),
    },
    null,
    3,
  );
  const bytes = Buffer.from(asGo(text));
  return { bytes, descriptor: { mediaType, digest: digestOf(bytes), size: bytes.length } };
}

function pick({ size, digest, urls }: Descriptor, mediaType: string): object {
  return { mediaType, size, digest, ...(urls === undefined || urls.length === 0 ? {} : { urls }) };
}

function layerType(mediaType: string, oci: boolean): string {
  const type = oci ? (dockerToOci.get(mediaType) ?? mediaType) : (ociToDocker[mediaType] ?? mediaType);
  if (/^application\/vnd\.(oci|docker)\.image\./.test(type)) return type;
  throw new Failure("unsupported", `push: a layer has the unknown media type ${JSON.stringify(mediaType)}`);
}

/** Go's encoding/json writes these characters as escapes. */
function asGo(json: string): string {
  return json.replace(
    /[<>&\u2028\u2029]/g,
    (found) => `\\u${found.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}
