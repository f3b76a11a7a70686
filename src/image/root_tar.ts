/** The root filesystem that an image gives, as one tar. */
import type { ByteSource } from "../bytes/index.ts";
import { openTree } from "../layer/index.ts";
import { chainIds } from "../oci/index.ts";
import type { Store, StoredImage } from "../store/index.ts";
import { ReadView, TreeBranch } from "../union/index.ts";
import { openImageView } from "./open_image_view.ts";
import { spoolLayers } from "./spool_layers.ts";
import { viewTar, type ViewTarOptions } from "./view_tar.ts";

export interface RootTarOptions extends ViewTarOptions {
  /** Where layers can be laid down: a session's. */
  readonly temporaryDirectory: string;
}

/**
 * Owners, modes, times, attributes and hard links as the layers' tars have them, also where an ordinary user could not
 * unpack these exactly. Needs no mount. Throws `Failure("corrupt")` for a damaged layer.
 */
export async function* rootTar(
  store: Store,
  image: StoredImage,
  options: RootTarOptions,
): ByteSource & AsyncGenerator<Uint8Array> {
  using tree = await openImageView(store, image);
  if (!tree.isInexact) return yield* viewTar(tree.view, options);
  await using spooled = await spoolLayers(
    store,
    chainIds(image.config.rootfs.diff_ids ?? []),
    options.temporaryDirectory,
    options.signal,
  );
  using exact = openTree(spooled.targets);
  using branch = new TreeBranch(exact.root, exact.sources);
  yield* viewTar(new ReadView({ dialect: "overlay2", lowers: [branch] }), options);
}
