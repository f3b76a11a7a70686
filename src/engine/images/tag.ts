/** `tag`: one more name for an image (behaviours B091). */
import { Failure } from "../../errors.ts";
import { parseReference, withDefaultTag, type ImageId, type Reference } from "../../oci/index.ts";
import { resolveImage, type Store } from "../../store/index.ts";

export interface Tagged {
  readonly id: ImageId;
  readonly name: Reference;
}

/** Throws `Failure("not-found")` for the source, `Failure("invalid")` for a target that is no name with a tag. */
export async function tagImage(store: Store, source: string, target: string): Promise<Tagged> {
  const name = withDefaultTag(parseReference(target));
  if (name.digest !== undefined) {
    throw new Failure("invalid", "refusing to create a tag with a digest reference");
  }
  const image = await resolveImage(store, source);
  await store.names.set(name, image.id);
  await store.images.markUpdated(image.id);
  return { id: image.id, name };
}
