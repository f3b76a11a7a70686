/** Finds out which kind of archive it is, and gives its images (behaviours B104). */
import type { ByteSource } from "../bytes/index.ts";
import { Failure } from "../errors.ts";
import { ArchiveFile, type OpenArchiveFileOptions } from "./archive_file.ts";
import { readDockerImages } from "./docker_images.ts";
import { readOciImages } from "./oci_images.ts";
import type { OpenedArchive } from "./types.ts";
import { hasV1Images, readV1Images } from "./v1_images.ts";

/**
 * Opens an archive: a path, or the bytes of a pipe; plain or compressed; `docker save` of any generation or an OCI
 * layout. Where an archive is several of these at once, Docker's `manifest.json` decides, since it has the names.
 * Throws `Failure("invalid")` when it is none of them.
 */
export async function openArchive(
  source: string | ByteSource,
  options: OpenArchiveFileOptions,
): Promise<OpenedArchive> {
  const file = await ArchiveFile.open(source, options);
  try {
    const images = file.has("manifest.json")
      ? await readDockerImages(file)
      : file.has("index.json")
        ? await readOciImages(file)
        : hasV1Images(file)
          ? await readV1Images(file, options.signal)
          : notAnArchive();
    return { images, [Symbol.asyncDispose]: () => file[Symbol.asyncDispose]() };
  } catch (error) {
    await file[Symbol.asyncDispose]();
    throw error;
  }
}

function notAnArchive(): never {
  throw new Failure("invalid", "not an image archive: it has no manifest.json, index.json or repositories", {
    hint: "`varve import` makes an image of a root filesystem's tar",
  });
}
