import type { ImageId } from "../../oci/index.ts";

/** Whether an image that was found by `text` was found by its ID: the digest or its first digits. */
export function isIdPrefix(id: ImageId, text: string): boolean {
  return id.startsWith(text) || id.startsWith(`sha256:${text}`);
}
