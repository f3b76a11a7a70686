/** cosign's signatures in an annotation (SIGNATURE_SPEC.md, "Simple Signing"). */
import type { KeyObject } from "node:crypto";
import type { Descriptor } from "../../../oci/index.ts";
import { jsonObject } from "../json_object.ts";
import { isSignedBy } from "../public_key.ts";
import { invalidSignature } from "../signature_failure.ts";
import type { SignedTarget } from "../signed_target.ts";

const annotation = "dev.cosignproject.cosign/signature";
const payloadType = "cosign container image signature";

/**
 * @param layer of the signature's manifest
 * @param payload the layer's bytes
 * @throws Failure "unauthorized" that says why it is none of the image by one of the keys
 */
export function verifySimpleSigning(
  layer: Descriptor,
  payload: Uint8Array,
  target: SignedTarget,
  keys: readonly KeyObject[],
): void {
  const signature = layer.annotations?.[annotation];
  if (signature === undefined) throw invalidSignature(`lacks the annotation ${annotation}`);
  if (!isSignedBy(keys, payload, Buffer.from(signature, "base64"))) {
    throw invalidSignature("is by none of the trusted keys");
  }
  const { critical } = jsonObject(payload, "payload") as Payload;
  if (critical?.type !== payloadType) throw invalidSignature(`is no "${payloadType}"`);
  // Both spellings are in the specification.
  const { "docker-manifest-digest": usual, "Docker-manifest-digest": other } = critical.image ?? {};
  const named = usual ?? other;
  if (named !== target.digest || (other ?? named) !== named) throw invalidSignature("is over another image");
}

interface Payload {
  readonly critical?: {
    readonly type?: unknown;
    readonly image?: {
      readonly "docker-manifest-digest"?: unknown;
      readonly "Docker-manifest-digest"?: unknown;
    } | null;
  } | null;
}
