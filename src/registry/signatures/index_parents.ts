/** Which indexes of a repository list a manifest. */
import { isFailure } from "../../errors.ts";
import { isDigest, mediaTypes, type Algorithm, type Digest } from "../../oci/index.ts";
import { readRevision } from "../manifest_store.ts";
import type { StorageDriver } from "../storage/types.ts";
import { paths } from "../tree.ts";
import { BoundedMap } from "./bounded_map.ts";
import { jsonObject } from "./json_object.ts";

const indexTypes: readonly string[] = [mediaTypes.ociIndex, mediaTypes.dockerList];
const rememberedManifests = 200_000;

export class IndexParents {
  readonly #storage: StorageDriver;
  /** By repository and manifest. Contents never change, so what was read once holds; of most manifests it is an empty list. */
  readonly #members = new BoundedMap<readonly Digest[]>(rememberedManifests);

  constructor(storage: StorageDriver) {
    this.#storage = storage;
  }

  /** Reads each manifest of the repository that it has not read before. */
  async *of(repository: string, digest: Digest): AsyncGenerator<Digest, void, undefined> {
    for await (const revision of this.#revisions(repository)) {
      if ((await this.#membersOf(repository, revision)).includes(digest)) yield revision;
    }
  }

  async *#revisions(repository: string): AsyncGenerator<Digest, void, undefined> {
    const root = paths.revisions(repository);
    for await (const { name: algorithm } of this.#storage.list(root)) {
      for await (const { name: hex } of this.#storage.list(`${root}/${algorithm}`)) {
        const digest = `${algorithm as Algorithm}:${hex}` as const;
        if (isDigest(digest)) yield digest;
      }
    }
  }

  async #membersOf(repository: string, digest: Digest): Promise<readonly Digest[]> {
    const key = `${repository}@${digest}`;
    const known = this.#members.get(key);
    if (known !== undefined) return known;
    const manifest = await readRevision(this.#storage, repository, digest);
    if (manifest === undefined) return [];
    const members = indexMembers(manifest.mediaType, manifest.bytes) ?? [];
    this.#members.set(key, members);
    return members;
  }
}

/** Digests that an index lists; undefined of what is no index. */
export function indexMembers(mediaType: string, bytes: Uint8Array): Digest[] | undefined {
  if (!indexTypes.includes(mediaType)) return undefined;
  try {
    const { manifests } = jsonObject(bytes, "index");
    const listed = Array.isArray(manifests) ? (manifests as ({ readonly digest?: unknown } | null)[]) : [];
    const digests = listed.map((each) => each?.digest);
    return digests.filter((each): each is Digest => typeof each === "string" && isDigest(each));
  } catch (error) {
    if (isFailure(error)) return undefined;
    throw error;
  }
}
