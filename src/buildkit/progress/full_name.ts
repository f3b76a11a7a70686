import { formatReference, parseReference, withDefaultTag } from "../../oci/index.ts";

/** `docker.io/library/base:latest`, as BuildKit has it; what is no name, such as an ID, stays as it is. */
export function fullName(image: string): string {
  if (/^sha256:[0-9a-f]{64}$/.test(image)) return image;
  try {
    return formatReference(withDefaultTag(parseReference(image)));
  } catch {
    return image;
  }
}
