/** Archives of images: what `save` writes and `load` reads, in all generations. */
import type { ImageView } from "../bytes/index.ts";
import type { ImageId, Reference } from "../oci/index.ts";

/**
 * - `oci`: an OCI layout with Docker's `manifest.json` and `repositories` beside it (Docker 25 and newer)
 * - `docker`: `manifest.json`, configs and one directory a layer (Docker 1.10 to 24); older Dockers read it as well
 */
export type ArchiveFormat = "oci" | "docker";

export interface ArchiveImage {
  readonly view: ImageView;
  readonly names: readonly Reference[];
  /** The image of the same archive on which this one was built, where that is known. */
  readonly parent?: ImageId;
}

/** An archive that is open for reading. Disposing it closes its file. */
export interface OpenedArchive extends AsyncDisposable {
  /** In the archive's order; a parent comes before its children. */
  readonly images: readonly ArchiveImage[];
}
