/** One manifest that may be a signature of an image. */
import { isFailure } from "../../errors.ts";
import type { Descriptor, Digest } from "../../oci/index.ts";
import { readRevision } from "../manifest_store.ts";
import type { StorageDriver } from "../storage/types.ts";
import { verifySigstoreBundle } from "./cosign/verify_sigstore_bundle.ts";
import { verifySimpleSigning } from "./cosign/verify_simple_signing.ts";
import { parseCose } from "./notation/parse_cose.ts";
import { parseJws } from "./notation/parse_jws.ts";
import { verifyNotation } from "./notation/verify_notation.ts";
import { readLayer } from "./read_layer.ts";
import { envelopeTypes, signatureManifest, type SignatureKind } from "./signature_kind.ts";
import type { SignedTarget } from "./signed_target.ts";
import type { Trust } from "./trust.ts";

/** `none`: the manifest is no signature. */
export type ManifestVerdict =
  | { readonly kind: "none" }
  /** @property until milliseconds; Infinity: as long as it is there */
  | { readonly kind: "good"; readonly until: number }
  | { readonly kind: "bad"; readonly reasons: readonly string[] };

export interface Verification {
  readonly storage: StorageDriver;
  readonly repository: string;
  readonly target: SignedTarget;
  readonly trust: Trust;
  /** Milliseconds. */
  readonly now: number;
}

/** One good signature in it is enough. */
export async function verifyManifest(asked: Verification, digest: Digest): Promise<ManifestVerdict> {
  const manifest = await readRevision(asked.storage, asked.repository, digest);
  const signature = manifest && signatureManifest(manifest.mediaType, manifest.bytes);
  if (signature === undefined || signature.kind === "attestation") return { kind: "none" };
  const reasons: string[] = [];
  for (const layer of signature.layers) {
    try {
      return { kind: "good", until: await verifyLayer(asked, signature.kind, layer) };
    } catch (error) {
      if (!isFailure(error) || !["unauthorized", "invalid", "limit"].includes(error.kind)) throw error;
      reasons.push(error.message);
    }
  }
  return { kind: "bad", reasons };
}

async function verifyLayer(
  asked: Verification,
  kind: Exclude<SignatureKind, "attestation">,
  layer: Descriptor,
): Promise<number> {
  const { target, trust, now } = asked;
  const bytes = await readLayer(asked.storage, asked.repository, layer.digest);
  switch (kind) {
    case "simple-signing":
      verifySimpleSigning(layer, bytes, target, trust.keys);
      return Infinity;
    case "sigstore-bundle":
      verifySigstoreBundle(bytes, target, trust.keys);
      return Infinity;
    case "notation": {
      const envelope = layer.mediaType === envelopeTypes.jws ? parseJws(bytes) : parseCose(bytes);
      return verifyNotation(envelope, target, trust.notation, now);
    }
  }
}
