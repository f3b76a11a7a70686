/** The config of an image that is to come in, verified. */
import { Failure } from "../../errors.ts";
import type { ImageView } from "../../bytes/index.ts";
import { digestOf, maxImageConfigBytes, parseImageConfig, type ImageConfig } from "../../oci/index.ts";

export interface VerifiedConfig {
  readonly bytes: Uint8Array;
  readonly config: ImageConfig;
}

/**
 * Reads the config and checks it against the image's ID. Throws `Failure("limit")` for one that is too large or too
 * deep, `Failure("corrupt")` for wrong bytes, `Failure("invalid")` for one that no image may have.
 */
export async function readConfig(image: ImageView, signal: AbortSignal): Promise<VerifiedConfig> {
  const { size } = image.configDescriptor;
  if (size > maxImageConfigBytes) {
    throw new Failure(
      "limit",
      `image config ${image.imageId} has ${size} bytes, over ${maxImageConfigBytes}`,
    );
  }
  const bytes = await image.readConfig({ signal });
  const actual = digestOf(bytes);
  if (actual !== image.imageId) {
    throw new Failure(
      "corrupt",
      `image config verification failed for digest ${image.imageId}: got ${actual}`,
    );
  }
  return { bytes, config: parseImageConfig(bytes) };
}
