/** What pages tell of a manifest. Bytes under a digest never change, so each is read once. */
import {
  formatPlatform,
  isAttestation,
  parseImageConfig,
  parseManifest,
  type Descriptor,
  type Digest,
  type ImageConfig,
} from "../../oci/index.ts";
import { isFailure } from "../../errors.ts";
import { findBlob } from "../blobs.ts";
import { concurrently } from "../concurrently.ts";
import { readManifest } from "../manifest_document.ts";
import { findRevision, readRevision } from "../manifest_store.ts";
import { RegistryError } from "../registry_error.ts";
import type { StorageDriver } from "../storage/types.ts";
import { paths } from "../tree.ts";
import { BoundedCache } from "./bounded_cache.ts";

export interface ManifestFacts {
  readonly digest: Digest;
  readonly mediaType: string;
  /** Bytes of the manifest itself. */
  readonly size: number;
  /** Undefined of an index, and of what we do not understand. */
  readonly config: Descriptor | undefined;
  readonly layers: readonly Descriptor[];
  /** Of an index. */
  readonly members: readonly Descriptor[] | undefined;
  readonly artifactType: string | undefined;
  readonly subject: Digest | undefined;
  readonly annotations: Readonly<Record<string, string>>;
}

/** Bytes of manifests and configs, as they came, whose facts are remembered. */
const rememberedBytes = 4 << 20;
/** Larger configs are not shown. */
const largestConfig = 1 << 20;
/** Members of one index that are looked at for sizes in a list. */
export const mostMembers = 16;

type Weighed<Value> = { readonly value: Value; readonly weight: number };

export class ManifestReader {
  readonly #storage: StorageDriver;
  readonly #manifests = new BoundedCache<Digest, Weighed<ManifestFacts>>(rememberedBytes, weightOf);
  readonly #configs = new BoundedCache<Digest, Weighed<ImageConfig>>(rememberedBytes, weightOf);

  constructor(storage: StorageDriver) {
    this.#storage = storage;
  }

  /** Undefined: the repository has none of this digest. */
  async manifest(name: string, digest: Digest): Promise<ManifestFacts | undefined> {
    const known = this.#manifests.get(digest)?.value;
    if (known !== undefined) {
      const found = await findRevision(this.#storage, name, digest);
      return found === undefined ? undefined : known;
    }
    const manifest = await readRevision(this.#storage, name, digest);
    if (manifest === undefined) return undefined;
    const { bytes, mediaType } = manifest;
    const facts = { digest, mediaType, size: bytes.length, ...factsOf(bytes, mediaType) };
    this.#manifests.set(digest, { value: facts, weight: bytes.length });
    return facts;
  }

  /** Undefined: it is no image's, is not there, or is larger than 1 MiB. */
  async config(name: string, { config }: ManifestFacts): Promise<ImageConfig | undefined> {
    if (config === undefined || !isImageConfig(config)) return undefined;
    const blob = await findBlob(this.#storage, name, config.digest);
    if (blob === undefined || blob.size > largestConfig) return undefined;
    const known = this.#configs.get(config.digest)?.value;
    if (known !== undefined) return known;
    const bytes = await this.#storage.read(paths.blob(blob.target));
    const value = bytes && tolerant(() => parseImageConfig(bytes));
    if (value !== undefined) this.#configs.set(config.digest, { value, weight: blob.size });
    return value;
  }

  /** `linux/amd64`, and of an index all of them. */
  async platforms(name: string, facts: ManifestFacts): Promise<string[]> {
    if (facts.members !== undefined) {
      const platforms = imagesIn(facts.members).flatMap(({ platform }) => (platform ? [platform] : []));
      return [...new Set(platforms.map(formatPlatform))];
    }
    const config = await this.config(name, facts);
    return config === undefined || config.architecture === "" ? [] : [formatPlatform(config)];
  }

  /** Bytes of config and layers, each once; `atLeast`: not all members of the index were looked at. */
  async size(name: string, facts: ManifestFacts): Promise<{ bytes: number; atLeast: boolean }> {
    const members = facts.members ?? [];
    const looked = members.slice(0, mostMembers);
    const all = await concurrently(looked, ({ digest }) => this.manifest(name, digest));
    const sizes = new Map<Digest, number>();
    for (const each of [facts, ...all]) {
      for (const { digest, size } of blobsOf(each)) sizes.set(digest, size);
    }
    const bytes = [...sizes.values()].reduce((sum, size) => sum + size, 0);
    return { bytes, atLeast: looked.length < members.length || all.includes(undefined) };
  }
}

export function blobsOf(facts: ManifestFacts | undefined): readonly Descriptor[] {
  return facts?.config === undefined ? [] : [facts.config, ...facts.layers];
}

/** Members that are images, which attestations are not. */
export function imagesIn(members: readonly Descriptor[]): Descriptor[] {
  return members.filter((member) => !isAttestation(member));
}

export function isImageConfig({ mediaType }: Descriptor): boolean {
  return /^application\/vnd\.(?:oci\.image\.config|docker\.container\.image)\.v1\+json$/.test(mediaType);
}

type Parsed = Omit<ManifestFacts, "digest" | "mediaType" | "size">;

function factsOf(bytes: Uint8Array, mediaType: string): Parsed {
  const nothing = { artifactType: undefined, subject: undefined, annotations: undefined };
  const told = tolerant(() => readManifest(bytes, mediaType)) ?? nothing;
  const { artifactType, subject, annotations = {} } = told;
  const parsed = tolerant(() => parseManifest(bytes, mediaType));
  const rest = { artifactType, subject, annotations };
  switch (parsed?.kind) {
    case "manifest":
      return { ...rest, config: parsed.manifest.config, layers: parsed.manifest.layers, members: undefined };
    case "index":
      return { ...rest, config: undefined, layers: [], members: parsed.index.manifests };
    case undefined:
      return { ...rest, config: undefined, layers: [], members: undefined };
  }
}

/** What somebody else let in is shown as far as it goes. */
function tolerant<Value>(parse: () => Value): Value | undefined {
  try {
    return parse();
  } catch (error) {
    if (isFailure(error) || error instanceof RegistryError) return undefined;
    throw error;
  }
}

function weightOf<Value>({ weight }: Weighed<Value>): number {
  return weight;
}
