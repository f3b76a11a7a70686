/** Finding an image by what people type (moby, daemon/images/image.go, GetImage): a name wins over an ID. */
import { Failure } from "../errors.ts";
import { familiarReference, isDigest, parseReference, withDefaultTag, type ImageId } from "../oci/index.ts";
import type { Store, StoredImage } from "./types.ts";

/**
 * The image that `text` names: `name`, `name:tag`, `name@sha256:...`, a whole ID with or without `sha256:`, or the
 * first digits of an ID.
 *
 * Throws `Failure("not-found")` (`No such image: x:latest`), `Failure("invalid")` for what is no reference and for
 * digits with which several IDs begin (`Multiple IDs found with provided prefix: ab`).
 */
export async function resolveImage(
  store: Pick<Store, "images" | "names">,
  text: string,
): Promise<StoredImage> {
  const whole = wholeId(text);
  if (whole !== undefined) return (await store.images.get(whole)) ?? missing(whole);
  const reference = withDefaultTag(parseReference(text));
  const named = await store.names.get(reference);
  const image = named === undefined ? undefined : await store.images.get(named);
  if (image !== undefined) return image;
  const id = await findByPrefix(store, text);
  const found = id === undefined ? undefined : await store.images.get(id);
  return found ?? missing(familiarReference(reference));
}

/** 64 digits are always an ID: Docker allows no repository of that name. */
function wholeId(text: string): ImageId | undefined {
  const digest = /^[0-9a-f]{64}$/.test(text) ? `sha256:${text}` : text;
  return digest.startsWith("sha256:") && isDigest(digest) ? digest : undefined;
}

async function findByPrefix(store: Pick<Store, "images">, text: string): Promise<ImageId | undefined> {
  const digits = /^(?:sha256:)?([0-9a-f]{1,63})$/.exec(text)?.[1];
  if (digits === undefined) return undefined;
  const [first, second] = (await store.images.list()).filter((id) => id.startsWith(`sha256:${digits}`));
  // Docker says "No such image" here, which sends people looking for an image that is there twice.
  if (second !== undefined)
    throw new Failure("invalid", `Multiple IDs found with provided prefix: ${text}`, {
      hint: "Give more digits of the image ID.",
    });
  return first;
}

function missing(what: string): never {
  throw new Failure("not-found", `No such image: ${what}`);
}
