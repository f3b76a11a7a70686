import type { ImageId } from "../../oci/index.ts";
import { resolveImage, type Store } from "../../store/index.ts";

/** An image and all that were made from it. @throws Failure("not-found") */
export async function imageWithDescendants(store: Store, name: string): Promise<ReadonlySet<ImageId>> {
  const { id } = await resolveImage(store, name);
  const family = new Set<ImageId>([id]);
  const parents = await store.images.parents();
  for (let size = 0; size < family.size;) {
    size = family.size;
    for (const [child, parent] of parents) if (family.has(parent)) family.add(child);
  }
  return family;
}
