/** Signatures made from the specifications, with keys and certificates that were made for the test. */
import { execFileSync } from "node:child_process";
import { createPrivateKey, sign, X509Certificate, type KeyObject } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { pushBlob, putManifest } from "../../../test/suites/registry_requests.ts";
import { digestOf, hexOf, mediaTypes, type Digest } from "../../oci/index.ts";
import { algorithmOf, signBytes } from "../access/tokens/signature_algorithm.ts";

/** The bytes that cosign signs. */
export function simpleSigning(digest: Digest): Buffer {
  const critical = {
    identity: { "docker-reference": "registry.example/app" },
    image: { "docker-manifest-digest": digest },
    type: "cosign container image signature",
  };
  return Buffer.from(JSON.stringify({ critical, optional: null }));
}

/** cosign's signature, base64. */
export function cosignSignature(payload: Uint8Array, key: KeyObject): string {
  return sign(key.asymmetricKeyType === "ed25519" ? null : "sha256", payload, key).toString("base64");
}

export function dsseBundle(statement: object, key: KeyObject): Buffer {
  const payload = Buffer.from(JSON.stringify(statement));
  const payloadType = "application/vnd.in-toto+json";
  const signed = `DSSEv1 ${payloadType.length} ${payloadType} ${payload.length} ${payload.toString()}`;
  return Buffer.from(
    JSON.stringify({
      mediaType: "application/vnd.dev.sigstore.bundle.v0.3+json",
      verificationMaterial: { publicKey: { hint: "" } },
      dsseEnvelope: {
        payload: payload.toString("base64"),
        payloadType,
        signatures: [{ sig: cosignSignature(Buffer.from(signed), key), keyid: "" }],
      },
    }),
  );
}

export function statementOf(digest: Digest, predicateType = "https://sigstore.dev/cosign/sign/v1"): object {
  const subject = [{ digest: { sha256: hexOf(digest) } }];
  return { _type: "https://in-toto.io/Statement/v1", subject, predicateType, predicate: {} };
}

interface StoredLayer {
  readonly mediaType: string;
  readonly bytes: Uint8Array;
  readonly annotations?: Readonly<Record<string, string>>;
}

export interface StoredSignature {
  readonly layers: readonly StoredLayer[];
  readonly artifactType?: string;
  readonly configType?: string;
  readonly subject?: Digest;
  /** Under which it is put; default: its digest. */
  readonly tag?: string;
}

/** Pushes a manifest of signatures with its blobs. */
export async function pushSignature(origin: string, name: string, stored: StoredSignature): Promise<Digest> {
  const { layers, artifactType, configType = "application/vnd.oci.empty.v1+json", subject, tag } = stored;
  await pushBlob(origin, name, "{}");
  for (const { bytes } of layers) await pushBlob(origin, name, bytes);
  const manifest = Buffer.from(
    JSON.stringify({
      schemaVersion: 2,
      mediaType: mediaTypes.ociManifest,
      ...(artifactType !== undefined && { artifactType }),
      config: { mediaType: configType, digest: digestOf("{}"), size: 2 },
      layers: layers.map(({ mediaType, bytes, annotations }) => ({
        mediaType,
        digest: digestOf(bytes),
        size: bytes.length,
        ...(annotations && { annotations }),
      })),
      ...(subject && { subject: { mediaType: mediaTypes.ociManifest, digest: subject, size: 2 } }),
    }),
  );
  const answer = await putManifest(origin, name, tag ?? digestOf(manifest), manifest);
  if (answer.status !== 201) throw new Error(await answer.text());
  return digestOf(manifest);
}

/** As cosign stores it by default: a tag made of the image's digest. */
export function cosignTagged(image: Digest, key: KeyObject, of: Digest = image): StoredSignature {
  return {
    layers: [simpleLayer(of, key)],
    tag: `${image.replace(":", "-")}.sig`,
    configType: mediaTypes.ociConfig,
  };
}

/** As cosign stores it with `--registry-referrers-mode=oci-1-1`. */
export function cosignReferrer(image: Digest, key: KeyObject, of: Digest = image): StoredSignature {
  const type = "application/vnd.dev.cosign.artifact.sig.v1+json";
  return { layers: [simpleLayer(of, key)], subject: image, configType: type, artifactType: type };
}

function simpleLayer(of: Digest, key: KeyObject): StoredLayer {
  const bytes = simpleSigning(of);
  const annotations = { "dev.cosignproject.cosign/signature": cosignSignature(bytes, key) };
  return { mediaType: "application/vnd.dev.cosign.simplesigning.v1+json", bytes, annotations };
}

/** As cosign 3 stores it. */
export function cosignBundle(image: Digest, bundle: Buffer): StoredSignature {
  const mediaType = "application/vnd.dev.sigstore.bundle.v0.3+json";
  return { layers: [{ mediaType, bytes: bundle }], subject: image, artifactType: mediaType };
}

export function notationReferrer(image: Digest, mediaType: string, bytes: Buffer): StoredSignature {
  const artifactType = "application/vnd.cncf.notary.signature";
  return { layers: [{ mediaType, bytes }], subject: image, artifactType };
}

export interface Certified {
  readonly key: KeyObject;
  readonly certificate: X509Certificate;
  readonly pem: string;
}

interface Wanted {
  readonly kind?: "P-256" | "P-384" | "P-521" | 2048 | 3072;
  /** Default: itself. */
  readonly by?: Certified;
  /** Lines of openssl's `-extfile`. */
  readonly extensions?: readonly string[];
  readonly hash?: "sha1" | "sha256";
}

export const authority = ["basicConstraints=critical,CA:TRUE", "keyUsage=critical,keyCertSign"];
export const codeSigner = ["keyUsage=critical,digitalSignature", "extendedKeyUsage=codeSigning"];

/** A certificate by openssl. @param directory for its files */
export function certify(directory: string, name: string, wanted: Wanted = {}): Certified {
  const { kind = "P-256", by, extensions = authority, hash = "sha256" } = wanted;
  const file = (ending: string) => join(directory, `${name}.${ending}`);
  const openssl = (...args: string[]) => execFileSync("openssl", args, { stdio: ["ignore", "pipe", "pipe"] });
  const algorithm =
    typeof kind === "number"
      ? ["-algorithm", "RSA", "-pkeyopt", `rsa_keygen_bits:${kind}`]
      : ["-algorithm", "EC", "-pkeyopt", `ec_paramgen_curve:${kind}`];
  openssl("genpkey", ...algorithm, "-out", file("key"));
  openssl("req", "-new", "-key", file("key"), "-subj", `/C=US/O=Example/CN=${name}`, "-out", file("csr"));
  writeFileSync(file("ext"), `${extensions.join("\n")}\n`);
  const how = ["-in", file("csr"), "-days", "100", `-${hash}`, "-extfile", file("ext"), "-out", file("pem")];
  if (by === undefined) openssl("x509", "-req", ...how, "-signkey", file("key"));
  else {
    writeFileSync(file("ca.pem"), by.pem);
    writeFileSync(file("ca.key"), by.key.export({ format: "pem", type: "pkcs8" }));
    const serial = String(name.length + 7);
    openssl("x509", "-req", ...how, "-CA", file("ca.pem"), "-CAkey", file("ca.key"), "-set_serial", serial);
  }
  const pem = readFileSync(file("pem"), "utf8");
  return { key: createPrivateKey(readFileSync(file("key"))), certificate: new X509Certificate(pem), pem };
}

export interface NotationParts {
  readonly target: object;
  /** The signer's first. */
  readonly chain: readonly Certified[];
  readonly attributes?: Readonly<Record<string, unknown>>;
  /** Default: the key's own. */
  readonly algorithm?: string;
}

const scheme = "io.cncf.notary.signingScheme";

export function notationJws({ target, chain, attributes = {}, algorithm }: NotationParts): Buffer {
  const { key } = chain[0]!;
  const payload = encoded({ targetArtifact: target });
  const head = encoded({
    alg: algorithm ?? algorithmFor(key),
    cty: "application/vnd.cncf.notary.payload.v1+json",
    crit: [scheme],
    [scheme]: "notary.x509",
    "io.cncf.notary.signingTime": "2026-01-01T00:00:00Z",
    ...attributes,
  });
  const signature = signBytes(algorithmFor(key), key, Buffer.from(`${head}.${payload}`)).toString(
    "base64url",
  );
  const x5c = chain.map(({ certificate }) => certificate.raw.toString("base64"));
  return Buffer.from(JSON.stringify({ payload, protected: head, header: { x5c }, signature }));
}

function encoded(value: object): string {
  return Buffer.from(JSON.stringify(value)).toString("base64url");
}

/** Of RSA keys the one of their length. */
export function algorithmFor(key: KeyObject): string {
  const { modulusLength } = key.asymmetricKeyDetails ?? {};
  return modulusLength === undefined ? algorithmOf(key)! : modulusLength === 2048 ? "PS256" : "PS384";
}

const coseAlgorithms: Readonly<Record<string, number>> = {
  PS256: -37,
  PS384: -38,
  ES256: -7,
  ES384: -35,
  ES512: -36,
};

/** @param parts.attributes in front of the usual ones, so that they can take their place */
export function notationCose({ target, chain, attributes = {}, algorithm }: NotationParts): Buffer {
  const { key } = chain[0]!;
  const payload = Buffer.from(JSON.stringify({ targetArtifact: target }));
  const usual = { [scheme]: "notary.x509", "io.cncf.notary.signingTime": new CborTag(1, 1_767_225_600) };
  const { crit = [scheme], ...others } = attributes;
  const head = cbor(
    new Map<number | string, unknown>([
      [1, coseAlgorithms[algorithm ?? algorithmFor(key)]],
      [2, crit],
      [3, "application/vnd.cncf.notary.payload.v1+json"],
      ...Object.entries({ ...usual, ...others }),
    ]),
  );
  const signed = cbor(["Signature1", head, Buffer.of(), payload]);
  const signature = signBytes(algorithmFor(key), key, signed);
  const certificates = chain.map(({ certificate }) => certificate.raw);
  return cbor(new CborTag(18, [head, new Map([[33, certificates]]), payload, signature]));
}

export class CborTag {
  readonly tag: number;
  readonly value: unknown;

  constructor(tag: number, value: unknown) {
    this.tag = tag;
    this.value = value;
  }
}

/** Encodes what tests of signatures need (RFC 8949). */
export function cbor(value: unknown): Buffer {
  if (typeof value === "number") return value < 0 ? cborHead(1, -1 - value) : cborHead(0, value);
  if (typeof value === "boolean") return Buffer.of(value ? 0xf5 : 0xf4);
  if (typeof value === "string")
    return Buffer.concat([cborHead(3, Buffer.byteLength(value)), Buffer.from(value)]);
  if (value instanceof Uint8Array) return Buffer.concat([cborHead(2, value.length), value]);
  if (value instanceof CborTag) return Buffer.concat([cborHead(6, value.tag), cbor(value.value)]);
  if (Array.isArray(value)) return Buffer.concat([cborHead(4, value.length), ...value.map(cbor)]);
  if (value instanceof Map)
    return Buffer.concat([
      cborHead(5, value.size),
      ...[...value].flatMap(([key, each]) => [cbor(key), cbor(each)]),
    ]);
  return Buffer.of(0xf6);
}

function cborHead(major: number, argument: number): Buffer {
  const first = major << 5;
  if (argument < 24) return Buffer.of(first | argument);
  if (argument < 256) return Buffer.of(first | 24, argument);
  if (argument < 65_536) return Buffer.of(first | 25, argument >> 8, argument & 255);
  return Buffer.of(first | 26, ...[24, 16, 8, 0].map((shift) => (argument >> shift) & 255));
}
