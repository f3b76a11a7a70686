/**
 * Signatures that others made, with keys that are gone since: notation-core-go 1.3.0 (envelopes), sigstore's Go library 1.8.12
 * (simple signing, as cosign has it), @sigstore/sign 5.1.0 (bundle).
 */
import assert from "node:assert/strict";
import { X509Certificate } from "node:crypto";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { mediaTypes, type Descriptor } from "../../oci/index.ts";
import { verifySigstoreBundle } from "./cosign/verify_sigstore_bundle.ts";
import { verifySimpleSigning } from "./cosign/verify_simple_signing.ts";
import { parseCose } from "./notation/parse_cose.ts";
import { parseJws } from "./notation/parse_jws.ts";
import { verifyNotation } from "./notation/verify_notation.ts";
import { parsePublicKeys } from "./public_key.ts";
import type { SignedTarget } from "./signed_target.ts";

interface Recorded {
  readonly time: string;
  readonly notation: readonly {
    readonly mediaType: string;
    readonly envelope: string;
    readonly root: string;
  }[];
  readonly simpleSigning: readonly {
    readonly key: string;
    readonly payload: string;
    readonly signature: string;
  }[];
  readonly bundle: { readonly key: string; readonly bundle: object };
}

const recorded = JSON.parse(
  readFileSync(new URL("fixtures/other_signers.json", import.meta.url), "utf8"),
) as Recorded;
const now = Date.parse(recorded.time) + 60_000;
const target: SignedTarget = {
  mediaType: mediaTypes.ociManifest,
  digest: "sha256:73c803930ea3ba1e54bc25c2bdc53edd0284c62ed651fe7b00369da519a3c333",
  size: 16724,
};
const other: SignedTarget = { ...target, digest: `sha256:${"0".repeat(64)}` };

for (const { mediaType, envelope, root } of recorded.notation) {
  const bytes = Buffer.from(envelope, "base64");
  const parsed = mediaType === "application/jose+json" ? parseJws(bytes) : parseCose(bytes);
  test(`notation-core-go's ${mediaType}, ${parsed.algorithm}`, () => {
    const trust = { certificates: [new X509Certificate(root)], identities: [["O=Notary", "C=US"]] };
    // They expire after twelve hours.
    assert.equal(verifyNotation(parsed, target, trust, now), Date.parse(recorded.time) + 12 * 3_600_000);
    assert.throws(() => verifyNotation(parsed, other, trust, now), /is over another image/);
    const later = now + 13 * 3_600_000;
    assert.throws(() => verifyNotation(parsed, target, trust, later), /has expired/);
    assert.throws(
      () => verifyNotation(parsed, target, { ...trust, certificates: [] }, now),
      /none of the trusted/,
    );
  });
}

for (const { key, payload, signature } of recorded.simpleSigning) {
  const [parsed] = parsePublicKeys(key) as [ReturnType<typeof parsePublicKeys>[number]];
  const { asymmetricKeyType: kind, asymmetricKeyDetails: details } = parsed;
  test(`sigstore's simple signing, ${kind} ${details?.namedCurve ?? ""}`, () => {
    const annotations = { "dev.cosignproject.cosign/signature": signature };
    const layer = { annotations } as unknown as Descriptor;
    verifySimpleSigning(layer, Buffer.from(payload), target, [parsed]);
    assert.throws(() => verifySimpleSigning(layer, Buffer.from(payload), other, [parsed]), /another image/);
    const changed = Buffer.from(payload.replace("73c8", "73c9"));
    assert.throws(() => verifySimpleSigning(layer, changed, target, [parsed]), /none of the trusted keys/);
  });
}

test("sigstore's bundle", () => {
  const bytes = Buffer.from(JSON.stringify(recorded.bundle.bundle));
  const keys = parsePublicKeys(recorded.bundle.key);
  verifySigstoreBundle(bytes, target, keys);
  assert.throws(() => verifySigstoreBundle(bytes, other, keys), /another image/);
  assert.throws(() => verifySigstoreBundle(bytes, target, []), /none of the trusted keys/);
});
