/** What the build cache calls a step. */
import { digestOf, goJson, type Digest } from "../../oci/index.ts";

/** Goes up when a layer comes to depend on what keys did not say before: then all that was cached is unknown. */
const version = 1;

/**
 * The key of a step: a digest of all that its layer depends on. Equal parts have equal keys, whatever the order of their
 * members; undefined members count as absent.
 */
export function stepKey(parts: unknown): Digest {
  return digestOf(goJson({ version, parts }, { sortKeys: true }));
}
