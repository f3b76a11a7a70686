/** The tag under which clients list what refers to a manifest where there is no referrers API. */
import { algorithmOf, hexOf, type Digest } from "../oci/index.ts";

/** OCI distribution spec, "Referrers Tag Schema". */
export function referrersTag(subject: Digest): string {
  return `${algorithmOf(subject)}-${hexOf(subject).slice(0, 64)}`;
}

export const isReferrersTag = (tag: string) => /^sha(?:256|512)-[0-9a-f]{64}$/.test(tag);
