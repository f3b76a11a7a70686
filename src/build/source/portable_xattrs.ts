/** Extended attributes of files that come from outside. */
import type { ByteString } from "../../byte_string.ts";

/**
 * Whether an attribute means the same on every machine. Labels and access lists do not, and what overlayfs keeps in
 * attributes must not come from outside.
 */
export function isPortable(name: ByteString): boolean {
  return name === "security.capability" || (name.startsWith("user.") && !name.startsWith("user.overlay."));
}
