/** Generation 2 and 3: `manifest.json` = `[{"Config":..,"RepoTags":[..],"Layers":[..]}]` (behaviours B100, B101). */
import type { ImageView } from "../bytes/index.ts";
import { Failure } from "../errors.ts";
import {
  digestOf,
  maxImageConfigBytes,
  mediaTypes,
  parseImageConfig,
  parseJson,
  parseReference,
  withDefaultTag,
  type DiffId,
} from "../oci/index.ts";
import type { ArchiveFile } from "./archive_file.ts";
import { tarLayer } from "./layer_views.ts";
import type { ArchiveImage } from "./types.ts";

interface ManifestItem {
  readonly Config: string;
  readonly RepoTags?: readonly string[] | null;
  readonly Layers?: readonly string[] | null;
}

const maxManifestBytes = 16 << 20;

export async function readDockerImages(file: ArchiveFile): Promise<ArchiveImage[]> {
  const items = parseJson(await file.read("manifest.json", maxManifestBytes), { maxBytes: maxManifestBytes });
  if (!Array.isArray(items)) throw new Failure("invalid", "manifest.json of the archive is not a list");
  return Promise.all(items.map((item: ManifestItem) => readItem(file, item)));
}

async function readItem(file: ArchiveFile, item: ManifestItem): Promise<ArchiveImage> {
  if (typeof item?.Config !== "string")
    throw new Failure("invalid", "manifest.json names an image without Config");
  const bytes = await file.read(item.Config, maxImageConfigBytes);
  const layers = item.Layers ?? [];
  const names = (item.RepoTags ?? []).map((name) => withDefaultTag(parseReference(name)));
  return {
    view: configView(
      bytes,
      (diffId, index) => tarLayer(file, memberOf(layers, index), diffId),
      layers.length,
    ),
    names,
  };
}

function memberOf(layers: readonly string[], index: number): string {
  const member = layers[index];
  if (typeof member !== "string")
    throw new Failure("invalid", "manifest.json names a layer that is not text");
  return member;
}

/** An image view from a config's bytes; throws in Docker's words when the archive has another number of layers. */
export function configView(
  bytes: Uint8Array,
  layerAt: (diffId: DiffId, index: number) => ImageView["layers"][number],
  layerCount: number,
): ImageView {
  const diffIds = parseImageConfig(bytes).rootfs.diff_ids ?? [];
  if (diffIds.length !== layerCount) {
    throw new Failure(
      "corrupt",
      `invalid manifest, layers length mismatch: expected ${diffIds.length}, got ${layerCount}`,
    );
  }
  const imageId = digestOf(bytes);
  return {
    imageId,
    configDescriptor: { mediaType: mediaTypes.ociConfig, digest: imageId, size: bytes.length },
    layers: diffIds.map(layerAt),
    readConfig: () => Promise.resolve(bytes),
  };
}
