/** An OCI layout with Docker's `manifest.json` and `repositories` beside it (Docker 25 and newer; behaviours B101). */
import {
  algorithmOf,
  digestOf,
  formatReference,
  goJson,
  hexOf,
  mediaTypes,
  type Descriptor,
  type DiffId,
  type Digest,
} from "../oci/index.ts";
import { repositoriesOf } from "./docker_members.ts";
import { textMember, type Member } from "./member.ts";
import { layerContent, manifestItem, type LoadedImage } from "./loaded_image.ts";

export async function ociMembers(images: readonly LoadedImage[], signal: AbortSignal): Promise<Member[]> {
  const members = new Map<string, Member>();
  const add = (member: Member): void => void members.set(member.name, member);
  add({ name: "blobs", mtime: 0, content: { kind: "directory" } });
  add({ name: "blobs/sha256", mtime: 0, content: { kind: "directory" } });
  add(textMember("oci-layout", `{"imageLayoutVersion":"1.0.0"}`, 0));
  const manifests: object[] = [];
  const items: object[] = [];
  const tops: [LoadedImage, string][] = [];
  for (const image of images) {
    const layers = await layerMembers(image, signal);
    for (const { member } of layers) add(member);
    add(bytesMember(image.view.imageId, image.configBytes));
    const manifest = manifestOf(
      image,
      layers.map(({ descriptor }) => descriptor),
    );
    add(bytesMember(manifest.descriptor.digest, manifest.bytes));
    manifests.push(...indexRows(image, manifest.descriptor));
    const tars = layers.map(({ member }) => member.name);
    items.push(manifestItem(image, blobName(image.view.imageId), tars, images));
    const top = layers.at(-1);
    if (top !== undefined) tops.push([image, hexOf(top.descriptor.digest)]);
  }
  add(textMember("index.json", goJson({ schemaVersion: 2, mediaType: mediaTypes.ociIndex, manifests }), 0));
  add(textMember("manifest.json", `${goJson(items)}\n`, 0));
  const repositories = repositoriesOf(tops);
  if (repositories !== undefined) add(textMember("repositories", `${repositories}\n`, 0));
  return [...members.values()];
}

function blobName(digest: Digest): string {
  return `blobs/${algorithmOf(digest)}/${hexOf(digest)}`;
}

function bytesMember(digest: Digest, bytes: Uint8Array): Member {
  return { name: blobName(digest), mtime: 0, content: { kind: "bytes", bytes } };
}

/** Layers lie in the layout uncompressed, so the bytes do not depend on whether a compressed form is at hand. */
async function layerMembers(
  image: LoadedImage,
  signal: AbortSignal,
): Promise<{ readonly member: Member; readonly descriptor: Descriptor }[]> {
  const diffIds: readonly DiffId[] = image.config.rootfs.diff_ids ?? [];
  const members: { readonly member: Member; readonly descriptor: Descriptor }[] = [];
  for (const [index, layer] of image.view.layers.entries()) {
    const digest = diffIds[index] as DiffId;
    const content = await layerContent(layer, digest, signal);
    const { size } = content;
    members.push({
      member: { name: blobName(digest), mtime: 0, content },
      descriptor: { mediaType: mediaTypes.ociLayerTar, digest, size },
    });
  }
  return members;
}

function manifestOf(
  image: LoadedImage,
  layers: readonly Descriptor[],
): { readonly bytes: Uint8Array; readonly descriptor: Descriptor } {
  const config = {
    mediaType: mediaTypes.ociConfig,
    digest: image.view.imageId,
    size: image.configBytes.length,
  };
  const manifest = { schemaVersion: 2, mediaType: mediaTypes.ociManifest, config, layers };
  const bytes = Buffer.from(goJson(manifest), "utf8");
  return {
    bytes,
    descriptor: { mediaType: mediaTypes.ociManifest, digest: digestOf(bytes), size: bytes.length },
  };
}

/** One row a name, with the annotations by which containerd and others find it; one bare row without a name. */
function indexRows(image: LoadedImage, descriptor: Descriptor): object[] {
  const { architecture, os, variant } = image.config;
  const platform = { architecture, os, ...(variant !== undefined && { variant }) };
  if (image.names.length === 0) return [{ ...descriptor, platform }];
  return image.names.map((name) => ({
    ...descriptor,
    annotations: {
      "io.containerd.image.name": formatReference(name),
      "org.opencontainers.image.ref.name": name.tag ?? "latest",
    },
    platform,
  }));
}
