/**
 * Whether a manifest that is exempt as a signature could be run as an image all the same. Types alone do not tell: there are
 * clients that unpack layers of whatever type.
 */
import { isFailure } from "../../errors.ts";
import type { StorageDriver } from "../storage/types.ts";
import { jsonObject } from "./json_object.ts";
import { parseCbor } from "./notation/parse_cbor.ts";
import { readLayer } from "./read_layer.ts";
import { envelopeTypes, type SignatureManifest } from "./signature_kind.ts";

/** Each layer must be JSON, or CBOR for COSE, whole, and no tar at the same time. */
export async function isHarmless(
  storage: StorageDriver,
  repository: string,
  { layers }: SignatureManifest,
): Promise<boolean> {
  try {
    for (const { digest, mediaType } of layers) {
      const bytes = await readLayer(storage, repository, digest);
      if (mediaType === envelopeTypes.cose) parseCbor(bytes);
      else jsonObject(bytes, "layer");
      if (isTar(bytes)) return false;
    }
    return true;
  } catch (error) {
    if (isFailure(error) && ["unauthorized", "invalid", "limit"].includes(error.kind)) return false;
    throw error;
  }
}

/**
 * By the checksum of its first header, the one thing that all kinds of tar have (POSIX.1-1988, "chksum"). Old ones, which
 * readers take as well, have added up signed bytes.
 */
function isTar(bytes: Buffer): boolean {
  if (bytes.length < 512) return false;
  const told = Number.parseInt(bytes.toString("latin1", 148, 156).replaceAll(/[\0 ]/g, ""), 8);
  const header = Buffer.from(bytes.subarray(0, 512)).fill(" ", 148, 156);
  const sum = header.reduce((total, byte) => total + byte, 0);
  const signedSum = header.reduce((total, byte) => total + (byte < 128 ? byte : byte - 256), 0);
  return told === sum || told === signedSum;
}
