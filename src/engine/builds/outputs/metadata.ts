/** What `--metadata-file` says of a result, in BuildKit's keys (exporter/containerimage/exptypes). */
import {
  formatPlatform,
  formatReference,
  type Descriptor,
  type ImageId,
  type Platform,
  type Reference,
} from "../../../oci/index.ts";

export interface Described {
  readonly imageId: ImageId;
  readonly platform: Platform;
  readonly names: readonly Reference[];
  /** Manifests in registries. */
  readonly pushed: readonly Descriptor[];
}

/** Without a push the image's ID stands for a digest, as dockerd has it: there is no manifest yet. */
export function buildMetadata({
  imageId,
  platform,
  names,
  pushed,
}: Described): Readonly<Record<string, unknown>> {
  const [first] = pushed;
  const { os, architecture, variant } = platform;
  return {
    "containerimage.config.digest": imageId,
    ...(first !== undefined && {
      "containerimage.descriptor": {
        mediaType: first.mediaType,
        digest: first.digest,
        size: first.size,
        platform: { architecture, os, ...(variant !== undefined && { variant }) },
      },
    }),
    "containerimage.digest": first?.digest ?? imageId,
    ...(names.length > 0 && { "image.name": names.map(formatReference).join(",") }),
  };
}

/** `linux_amd64`: the directory of one platform's files, where there are several. */
export function platformDirectory(platform: Platform): string {
  return formatPlatform(platform).replaceAll("/", "_");
}
