/**
 * distribution's tree below the storage root (behaviours B158 to B161), so that either server can be put on the
 * other's directory. A `link` holds a digest, 71 bytes, without line feed.
 */
import { algorithmOf, hexOf, isDigest, type Digest } from "../oci/index.ts";

const root = "docker/registry/v2";
const repositories = `${root}/repositories`;

export const paths = {
  repositories,
  repository: (name: string) => `${repositories}/${name}`,
  blob: (digest: Digest) =>
    `${root}/blobs/${algorithmOf(digest)}/${hexOf(digest).slice(0, 2)}/${hexOf(digest)}/data`,
  layers: (name: string) => `${repositories}/${name}/_layers`,
  layerLink: (name: string, digest: Digest) => `${repositories}/${name}/_layers/${linkName(digest)}`,
  manifests: (name: string) => `${repositories}/${name}/_manifests`,
  revisions: (name: string) => `${repositories}/${name}/_manifests/revisions`,
  revisionLink: (name: string, digest: Digest) =>
    `${repositories}/${name}/_manifests/revisions/${linkName(digest)}`,
  revision: (name: string, digest: Digest) =>
    `${repositories}/${name}/_manifests/revisions/${algorithmOf(digest)}/${hexOf(digest)}`,
  /** Ours: the media type of a manifest whose bytes do not tell it. */
  revisionType: (name: string, digest: Digest) =>
    `${repositories}/${name}/_manifests/revisions/${algorithmOf(digest)}/${hexOf(digest)}/type`,
  /** Ours, and only a cache: which manifests have which subject. */
  referrers: (name: string) => `${repositories}/${name}/_manifests/referrers.json`,
  tags: (name: string) => `${repositories}/${name}/_manifests/tags`,
  tag: (name: string, tag: string) => `${repositories}/${name}/_manifests/tags/${tag}`,
  tagCurrent: (name: string, tag: string) => `${repositories}/${name}/_manifests/tags/${tag}/current/link`,
  tagIndexes: (name: string, tag: string) => `${repositories}/${name}/_manifests/tags/${tag}/index`,
  tagIndex: (name: string, tag: string, digest: Digest) =>
    `${repositories}/${name}/_manifests/tags/${tag}/index/${linkName(digest)}`,
  upload: (name: string, uuid: string) => `${repositories}/${name}/_uploads/${uuid}`,
};

function linkName(digest: Digest): string {
  return `${algorithmOf(digest)}/${hexOf(digest)}/link`;
}

/** The digest in a link file; undefined for a missing or damaged one. */
export function readLink(bytes: Uint8Array | undefined): Digest | undefined {
  const text = bytes && Buffer.from(bytes).toString("latin1").trim();
  return text !== undefined && isDigest(text) ? text : undefined;
}

// distribution/reference: path components of lower-case letters and digits with single separators between.
const componentPattern = /^[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*$/;
const tagPattern = /^[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}$/;
const uuidPattern = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/** Component by component: one expression for the whole name could be made to backtrack. */
export const isRepositoryName = (name: string) =>
  name.length <= 255 && name.split("/").every((component) => componentPattern.test(component));
export const isTag = (tag: string) => tagPattern.test(tag);
export const isUploadId = (id: string) => uuidPattern.test(id);
