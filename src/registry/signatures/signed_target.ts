/** What a signature has to be of. */
import type { Digest } from "../../oci/index.ts";

export interface SignedTarget {
  readonly digest: Digest;
  /** Bytes of the manifest. */
  readonly size: number;
  readonly mediaType: string;
}
