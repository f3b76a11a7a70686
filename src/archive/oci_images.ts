/** OCI image layouts: `index.json` and `blobs/<algorithm>/<hex>` (OCI image spec, image-layout.md). */
import { collect, verify } from "../bytes/index.ts";
import { Failure, isFailure } from "../errors.ts";
import {
  algorithmOf,
  formatPlatform,
  formatReference,
  hexOf,
  hostPlatform,
  isAttestation,
  maxImageConfigBytes,
  maxManifestBytes,
  mediaTypes,
  parseManifest,
  parseReference,
  selectPlatform,
  withDefaultTag,
  type Descriptor,
  type Manifest,
  type Reference,
} from "../oci/index.ts";
import type { ArchiveFile } from "./archive_file.ts";
import { configView } from "./config_view.ts";
import { blobLayer } from "./layer_views.ts";
import type { ArchiveImage } from "./types.ts";

/** Nested indexes deeper than this are a trick, not an image. */
const maxDepth = 4;

/**
 * The layout's images for this machine. Rows of one name that differ in their platform are one image, of which the
 * best is taken; a row of its own is taken whatever platform it is for. Attestations and artifacts are passed over.
 *
 * Throws `Failure("unsupported")` when nothing is left, `Failure("corrupt")` for blobs that are missing or wrong.
 */
export async function readOciImages(file: ArchiveFile): Promise<ArchiveImage[]> {
  const parsed = parseManifest(await file.read("index.json", maxManifestBytes), mediaTypes.ociIndex);
  if (parsed.kind !== "index") throw new Failure("invalid", "index.json of the archive is not an OCI index");
  const images: ArchiveImage[] = [];
  for (const descriptor of chosenRows(parsed.index.manifests)) {
    const view = await readImage(file, descriptor, 0);
    if (view === undefined) continue;
    // The same image under several names has several rows.
    const known = images.findIndex((image) => image.view.imageId === view.imageId);
    const names = [...(images[known]?.names ?? []), ...namesOf(descriptor)];
    if (known < 0) images.push({ view, names });
    else images[known] = { view, names };
  }
  if (images.length === 0) {
    throw new Failure("unsupported", `the archive holds no image for ${formatPlatform(hostPlatform())}`);
  }
  return images;
}

function chosenRows(rows: readonly Descriptor[]): Descriptor[] {
  const groups = Map.groupBy(
    rows.filter((row) => !isAttestation(row)),
    (row) => namesOf(row).map(formatReference).join() || row.digest,
  );
  return [...groups.values()].flatMap((group) => {
    if (group.length === 1) return group;
    const chosen = selectPlatform(group, hostPlatform());
    return chosen === undefined ? [] : [chosen];
  });
}

function blobMember(descriptor: Pick<Descriptor, "digest">): string {
  return `blobs/${algorithmOf(descriptor.digest)}/${hexOf(descriptor.digest)}`;
}

/** Verified bytes of a small blob. */
async function readBlob(file: ArchiveFile, descriptor: Descriptor, maxBytes: number): Promise<Uint8Array> {
  return collect(verify(file.stream(blobMember(descriptor)), descriptor), maxBytes);
}

async function readImage(
  file: ArchiveFile,
  descriptor: Descriptor,
  depth: number,
): Promise<ArchiveImage["view"] | undefined> {
  if (depth > maxDepth)
    throw new Failure("limit", `indexes in the archive are nested deeper than ${maxDepth}`);
  const bytes = await readBlob(file, descriptor, maxManifestBytes);
  const parsed = parseManifest(bytes, descriptor.mediaType);
  if (parsed.kind === "index") {
    const chosen = selectPlatform(parsed.index.manifests, hostPlatform());
    return chosen === undefined ? undefined : readImage(file, chosen, depth + 1);
  }
  if (!isImage(parsed.manifest)) return undefined;
  const config = await readBlob(file, parsed.manifest.config, maxImageConfigBytes);
  const { layers } = parsed.manifest;
  const view = configView(
    config,
    (diffId, index) => {
      const blob = layers[index] as Descriptor;
      return blobLayer(file, blobMember(blob), blob, diffId);
    },
    layers.length,
  );
  return { ...view, configDescriptor: parsed.manifest.config, manifest: { bytes, descriptor } };
}

/** An artifact (a signature, a chart) has another config; there is nothing of it to run or list. */
function isImage(manifest: Manifest): boolean {
  return [mediaTypes.ociConfig, mediaTypes.dockerConfig].includes(manifest.config.mediaType as never);
}

/** containerd and BuildKit write the full name; the OCI annotation may be a bare tag, which names nothing. */
function namesOf(descriptor: Descriptor): Reference[] {
  const full = descriptor.annotations?.["io.containerd.image.name"];
  const short = descriptor.annotations?.["org.opencontainers.image.ref.name"];
  const text = full ?? (short?.includes("/") || short?.includes(":") ? short : undefined);
  if (text === undefined) return [];
  try {
    const name = withDefaultTag(parseReference(text));
    return name.digest === undefined ? [name] : [];
  } catch (error) {
    if (isFailure(error, "invalid")) return [];
    throw error;
  }
}
