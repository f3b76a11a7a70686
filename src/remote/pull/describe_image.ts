/** What a name in a registry stands for, without fetching layers (Engine API, `/distribution/{name}/json`). */
import { collect, verify } from "../../bytes/index.ts";
import {
  maxImageConfigBytes,
  parseImageConfig,
  parseManifest,
  type Descriptor,
  type Platform,
  type Reference,
} from "../../oci/index.ts";
import type { Connection } from "../connection.ts";
import { getManifest, headManifest } from "./manifests.ts";
import { blobOpener } from "./resolve_image.ts";

export interface DescribedImage {
  readonly descriptor: Descriptor;
  /** Those of an index as it gives them, else that of the image's config. */
  readonly platforms: readonly Platform[];
}

/** Throws as `resolveImage` does. */
export async function describeImage(
  connection: Connection,
  ref: Reference,
  signal: AbortSignal,
): Promise<DescribedImage> {
  const digest = ref.digest ?? (await headManifest(connection, ref, signal)).digest;
  const fetched = await getManifest(connection, ref, digest, signal);
  const parsed = parseManifest(fetched.bytes, fetched.descriptor.mediaType);
  const descriptor = { ...fetched.descriptor, mediaType: parsed.mediaType };
  if (parsed.kind === "index")
    return { descriptor, platforms: parsed.index.manifests.flatMap(({ platform }) => platform ?? []) };
  const { config } = parsed.manifest;
  const open = await blobOpener([connection], ref)(config, { signal });
  const bytes = verify(open, { digest: config.digest, size: config.size, what: "image config" });
  const image = parseImageConfig(await collect(bytes, maxImageConfigBytes, "image config"));
  const { architecture, os, variant } = image;
  return { descriptor, platforms: [{ architecture, os, ...(variant !== undefined && { variant }) }] };
}
