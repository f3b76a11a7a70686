/** Image references in Docker's normal form. */
import type { ManifestDigest } from "./digest.ts";

/** A parsed reference. At least one of `tag` and `digest` is set after `withDefaultTag`. */
export interface Reference {
  /** Registry host with port: `docker.io`, `127.0.0.1:5000`. */
  readonly domain: string;
  /** Repository path within the registry: `library/alpine`. */
  readonly path: string;
  readonly tag?: string;
  readonly digest?: ManifestDigest;
}
