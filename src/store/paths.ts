/**
 * The one home of every path and mode in a data root (behaviours B130): Docker's own tree, and beside it
 * `varve/`, which dockerd does not look at.
 */
import { join } from "node:path";
import type { DriverName } from "../driver/index.ts";
import { Failure } from "../errors.ts";
import { hexOf, isDigest, type ChainId, type Digest, type DiffId, type ImageId } from "../oci/index.ts";

/** Modes as dockerd 20.10 leaves them under umask 022; varve sets them whatever the umask is. */
export const modes = {
  /** `ROOT`, `ROOT/containers`. */
  root: 0o710,
  /** `image`, `IMG`, `imagedb/**`, `layerdb`, `distribution`, one layer's entry. */
  private: 0o700,
  /** `layerdb/{sha256,tmp,mounts}`, `mounts/<id>`, `distribution/*` and below. */
  shared: 0o755,
  /** Files under imagedb, and repositories.json. */
  privateFile: 0o600,
  /** Files under layerdb and distribution. */
  sharedFile: 0o644,
} as const;

export interface StorePaths {
  readonly root: string;
  /** `ROOT/image/<driver>`, called IMG in the behaviours. */
  readonly images: string;
  readonly configs: string;
  readonly configMetadata: string;
  readonly layerDb: string;
  readonly layers: string;
  readonly layerStaging: string;
  readonly mounts: string;
  readonly distribution: string;
  readonly names: string;
  /** Docker's directory of containers' own files. */
  readonly containers: string;
  /** The driver's directory, `ROOT/<driver>`. */
  readonly driver: string;
  /** `ROOT/varve`: what only varve has. */
  readonly own: string;
  readonly locks: string;
  /** See layer_index.ts. */
  readonly layerIndex: string;
  config(id: ImageId): string;
  metadata(id: ImageId): string;
  layer(chainId: ChainId): string;
  /** Throws `Failure("invalid")` unless the ID can be a file name. */
  mountOf(containerId: string): string;
  diffIdByDigest(blob: Digest): string;
  metadataByDiffId(diffId: DiffId): string;
}

/** Every path of the data root `root` under storage driver `driver`. Touches nothing. */
export function storePaths(root: string, driver: DriverName): StorePaths {
  const images = join(root, "image", driver);
  const layerDb = join(images, "layerdb");
  const distribution = join(images, "distribution");
  const own = join(root, "varve");
  const configs = join(images, "imagedb/content/sha256");
  const configMetadata = join(images, "imagedb/metadata/sha256");
  const layers = join(layerDb, "sha256");
  const mounts = join(layerDb, "mounts");
  // Joined by hand where `images` asks thousands of times: path.join takes longer than the system call after it.
  return {
    root,
    images,
    configs,
    configMetadata,
    layerDb,
    layers,
    layerStaging: join(layerDb, "tmp"),
    mounts,
    distribution,
    names: join(images, "repositories.json"),
    containers: join(root, "containers"),
    driver: join(root, driver),
    own,
    locks: join(own, "locks"),
    layerIndex: join(own, `layers-${driver}`),
    config: (id) => `${configs}/${sha256Hex(id)}`,
    metadata: (id) => `${configMetadata}/${sha256Hex(id)}`,
    layer: (chainId) => `${layers}/${sha256Hex(chainId)}`,
    mountOf: (containerId) => join(mounts, checkedName(containerId)),
    diffIdByDigest: (blob) => join(distribution, "diffid-by-digest", ...digestPath(blob)),
    metadataByDiffId: (diffId) => join(distribution, "v2metadata-by-diffid", ...digestPath(diffId)),
  };
}

/** Types do not exist at run time, and a digest from a manifest must never become `../..`. */
function digestPath(digest: Digest): [string, string] {
  if (!isDigest(digest)) throw new Failure("invalid", `invalid digest ${JSON.stringify(digest)}`);
  return [digest.slice(0, digest.indexOf(":")), hexOf(digest)];
}

/** Docker's imagedb and layerdb know sha256 alone. */
function sha256Hex(digest: Digest): string {
  const [algorithm, hex] = digestPath(digest);
  if (algorithm !== "sha256")
    throw new Failure("unsupported", `cannot keep ${digest}: images and layers are named by sha256`);
  return hex;
}

function checkedName(name: string): string {
  if (/^[A-Za-z0-9][A-Za-z0-9_.-]*$/.test(name)) return name;
  throw new Failure("invalid", `invalid container ID ${JSON.stringify(name)}`);
}
