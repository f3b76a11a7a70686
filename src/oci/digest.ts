/**
 * Digests: `algorithm ":" hex`, as the OCI image specification has them (descriptor.md, "Digests").
 *
 * One string has many meanings in an image store, so each meaning has a type of its own. A plain `Digest` may be
 * used for any of them, but a `DiffId` is never taken for a `ChainId`.
 */
import { Failure } from "../errors.ts";

export type Algorithm = "sha256" | "sha512";
export type Digest = `${Algorithm}:${string}`;

declare const meaning: unique symbol;
type Meaning<M extends string> = Digest & { readonly [meaning]?: M };

/** Digest of a layer's uncompressed tar. */
export type DiffId = Meaning<"diff id">;
/** Identity of a layer on top of given parents: see `chain_id.ts`. */
export type ChainId = Meaning<"chain id">;
/** Digest of an image's config: Docker's image ID. */
export type ImageId = Meaning<"image id">;
/** Digest of a blob as it is transferred: a compressed layer, a config. */
export type BlobDigest = Meaning<"blob digest">;
/** Digest of a manifest or index. */
export type ManifestDigest = Meaning<"manifest digest">;

const hexLength: Record<Algorithm, number> = { sha256: 64, sha512: 128 };

/** Whether `text` is a well-formed digest of a supported algorithm. */
export function isDigest(text: string): text is Digest {
  const colon = text.indexOf(":");
  const length = hexLength[text.slice(0, colon) as Algorithm];
  return (
    length !== undefined && text.length === colon + 1 + length && /^[0-9a-f]+$/.test(text.slice(colon + 1))
  );
}

/** Reads a digest. Throws `Failure("invalid")` for anything else. */
export function parseDigest(text: unknown): Digest {
  if (typeof text === "string" && isDigest(text)) return text;
  throw new Failure(
    "invalid",
    `invalid digest ${JSON.stringify(text)?.slice(0, 200)}: expected sha256:<64 hex> or sha512:<128 hex>`,
  );
}

/**
 * The digest of bytes (a string counts as UTF-8). `node:crypto` is loaded on the first call and not before: it costs
 * 10 ms at start-up, and many commands never hash.
 */
export function digestOf(bytes: Uint8Array | string, algorithm: Algorithm = "sha256"): Digest {
  const { hash } = process.getBuiltinModule("node:crypto");
  return `${algorithm}:${hash(algorithm, bytes, "hex")}`;
}

export function algorithmOf(digest: Digest): Algorithm {
  return digest.slice(0, digest.indexOf(":")) as Algorithm;
}

export function hexOf(digest: Digest): string {
  return digest.slice(digest.indexOf(":") + 1);
}

/** The 12 digits by which people know an ID. */
export function shortId(digest: Digest | string): string {
  return digest.slice(digest.indexOf(":") + 1).slice(0, 12);
}
