/** Content descriptors (OCI image spec, descriptor.md) and the media types that varve knows. */
import { objectAt, optionalString, optionalStringMap, optionalStrings, stringAt, wrong } from "./check.ts";
import { isDigest, type Digest } from "./digest.ts";
import type { Platform } from "./platform.ts";
import { Failure } from "../errors.ts";

export interface Descriptor {
  readonly mediaType: string;
  readonly digest: Digest;
  /** Bytes. */
  readonly size: number;
  readonly urls?: readonly string[];
  readonly annotations?: Readonly<Record<string, string>>;
  readonly platform?: Platform;
  readonly artifactType?: string;
  readonly [unknown: string]: unknown;
}

export const mediaTypes = {
  ociIndex: "application/vnd.oci.image.index.v1+json",
  ociManifest: "application/vnd.oci.image.manifest.v1+json",
  ociConfig: "application/vnd.oci.image.config.v1+json",
  ociLayerTar: "application/vnd.oci.image.layer.v1.tar",
  ociLayerGzip: "application/vnd.oci.image.layer.v1.tar+gzip",
  ociLayerZstd: "application/vnd.oci.image.layer.v1.tar+zstd",
  dockerList: "application/vnd.docker.distribution.manifest.list.v2+json",
  dockerManifest: "application/vnd.docker.distribution.manifest.v2+json",
  dockerConfig: "application/vnd.docker.container.image.v1+json",
  dockerLayerTar: "application/vnd.docker.image.rootfs.diff.tar",
  dockerLayerGzip: "application/vnd.docker.image.rootfs.diff.tar.gzip",
  dockerForeignLayer: "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip",
} as const;

/** `type/subtype` of RFC 6838, 127 characters each. */
const mediaTypePattern = /^[A-Za-z0-9][A-Za-z0-9!#$&^_.+-]{0,126}\/[A-Za-z0-9][A-Za-z0-9!#$&^_.+-]{0,126}$/;

/**
 * Checks a descriptor from a stranger and returns the same object, unknown fields included.
 *
 * @param where how messages name it: `manifest layers[2]`.
 * Throws `Failure("invalid")`, or `Failure("unsupported")` for a digest algorithm other than sha256 and sha512.
 */
export function parseDescriptor(value: unknown, where = "descriptor"): Descriptor {
  const found = objectAt(value, where);
  const { mediaType, digest, size, platform } = found;
  if (typeof mediaType !== "string" || !mediaTypePattern.test(mediaType)) {
    wrong(`${where} mediaType`, mediaType, "a media type");
  }
  checkDigest(digest, `${where} digest`);
  if (!Number.isSafeInteger(size) || (size as number) < 0) {
    wrong(`${where} size`, size, "a whole number from 0 to 2^53-1");
  }
  optionalStrings(found["urls"], `${where} urls`);
  optionalStringMap(found["annotations"], `${where} annotations`);
  optionalString(found["artifactType"], `${where} artifactType`);
  if (platform !== undefined && platform !== null) checkPlatform(platform, `${where} platform`);
  return found as unknown as Descriptor;
}

function checkDigest(value: unknown, where: string): void {
  const text = stringAt(value, where);
  if (isDigest(text)) return;
  const algorithm = /^([a-z0-9]+(?:[+._-][a-z0-9]+)*):[a-zA-Z0-9=_-]+$/.exec(text)?.[1];
  if (algorithm !== undefined && algorithm !== "sha256" && algorithm !== "sha512") {
    throw new Failure(
      "unsupported",
      `unsupported ${where}: algorithm ${algorithm}, known are sha256 and sha512`,
    );
  }
  wrong(where, text, "sha256:<64 hex> or sha512:<128 hex>");
}

function checkPlatform(value: unknown, where: string): void {
  const platform = objectAt(value, where);
  stringAt(platform["os"], `${where} os`);
  stringAt(platform["architecture"], `${where} architecture`);
  optionalString(platform["variant"], `${where} variant`);
  optionalString(platform["os.version"], `${where} os.version`);
  optionalStrings(platform["os.features"], `${where} os.features`);
}
