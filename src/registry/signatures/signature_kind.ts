/** Which manifests are signatures: told by the types of their layers. */
import { isFailure } from "../../errors.ts";
import { mediaTypes, parseDescriptor, type Descriptor } from "../../oci/index.ts";
import { jsonObject } from "./json_object.ts";

/**
 * `simple-signing` and `sigstore-bundle` are cosign's (SIGNATURE_SPEC.md, BUNDLE_SPEC.md), `notation` is the Notary
 * Project's (signature-specification.md). `attestation` says something else than that the image is good.
 */
export type SignatureKind = "simple-signing" | "sigstore-bundle" | "notation" | "attestation";

export interface SignatureManifest {
  readonly kind: SignatureKind;
  readonly layers: readonly Descriptor[];
}

export const notationType = "application/vnd.cncf.notary.signature";
export const envelopeTypes = { jws: "application/jose+json", cose: "application/cose" } as const;

const kindOfLayer: Readonly<Record<string, SignatureKind>> = {
  "application/vnd.dev.cosign.simplesigning.v1+json": "simple-signing",
  "application/vnd.dev.sigstore.bundle.v0.3+json": "sigstore-bundle",
  [envelopeTypes.jws]: "notation",
  [envelopeTypes.cose]: "notation",
  "application/vnd.dsse.envelope.v1+json": "attestation",
};

/** Signatures of one image in one manifest; cosign adds one at each signing. */
const mostLayers = 64;

/** Undefined: the manifest is no signature, or has more layers than signatures have. */
export function signatureManifest(mediaType: string, bytes: Uint8Array): SignatureManifest | undefined {
  if (mediaType !== mediaTypes.ociManifest && mediaType !== mediaTypes.dockerManifest) return undefined;
  try {
    const { layers, artifactType, config } = jsonObject(bytes, "manifest") as ManifestJson;
    if (!Array.isArray(layers) || layers.length === 0 || layers.length > mostLayers) return undefined;
    const read = layers.map((layer, i) => parseDescriptor(layer, `layers[${i}]`));
    const [kind, ...others] = new Set(read.map((layer) => kindOf(layer)));
    if (kind === undefined || others.length > 0) return undefined;
    // JOSE and COSE are formats of much else.
    const isNotation = artifactType === notationType || config?.mediaType === notationType;
    return kind === "notation" && !isNotation ? undefined : { kind, layers: read };
  } catch (error) {
    if (isFailure(error)) return undefined;
    throw error;
  }
}

interface ManifestJson {
  readonly layers?: unknown;
  readonly artifactType?: unknown;
  readonly config?: { readonly mediaType?: unknown } | null;
}

function kindOf({ mediaType }: Descriptor): SignatureKind | undefined {
  return Object.hasOwn(kindOfLayer, mediaType) ? kindOfLayer[mediaType] : undefined;
}

/**
 * A tag that only signatures have: cosign's `sha256-<hex>.sig` and `.att`, and that under which clients list referrers
 * where there is no API for it.
 */
export function isSignatureTag(tag: string): boolean {
  return /^sha(?:256-[0-9a-f]{64}|512-[0-9a-f]{64,128})(?:\.sig|\.att)?$/.test(tag);
}
