/** Writes images into one archive, in the form that was asked for (behaviours B098 to B103). */
import { parseImageConfig } from "../oci/index.ts";
import { dockerMembers } from "./docker_members.ts";
import type { LoadedImage } from "./loaded_image.ts";
import { packMembers } from "./member.ts";
import { ociMembers } from "./oci_members.ts";
import type { ArchiveFormat, ArchiveImage } from "./types.ts";

export interface WriteArchiveOptions {
  readonly format: ArchiveFormat;
  readonly signal: AbortSignal;
}

/** The archive's bytes; each layer is opened when its turn comes. Equal images give equal bytes. */
export async function* writeArchive(
  images: readonly ArchiveImage[],
  options: WriteArchiveOptions,
): AsyncGenerator<Uint8Array, void, undefined> {
  const loaded: LoadedImage[] = [];
  for (const image of images) loaded.push(await load(image, options.signal));
  const members =
    options.format === "oci"
      ? await ociMembers(loaded, options.signal)
      : await dockerMembers(loaded, options.signal);
  yield* packMembers(members);
}

async function load(image: ArchiveImage, signal: AbortSignal): Promise<LoadedImage> {
  const configBytes = await image.view.readConfig({ signal });
  return { ...image, configBytes, config: parseImageConfig(configBytes) };
}
