/** Reads off the tree what a pool of repositories has. */
import { algorithmOf, type Digest } from "../../oci/index.ts";
import { findBlob } from "../blobs.ts";
import { concurrently } from "../concurrently.ts";
import { referencesOf } from "../gc/references.ts";
import { digestsIn, tagNames } from "../gc/tree_files.ts";
import { findRevision } from "../manifest_store.ts";
import { isRepository, repositoriesAfter } from "../repositories.ts";
import type { StorageDriver } from "../storage/types.ts";
import { paths } from "../tree.ts";
import { PoolUsage } from "./pool_usage.ts";
import { poolsOf, type QuotaPool, type QuotaRule } from "./quota_rules.ts";

export interface CountOptions {
  readonly rules: readonly QuotaRule[];
  /** How long a blob is fresh, in milliseconds from its upload or mount on. */
  readonly grace: number;
  /** Milliseconds since 1970. */
  readonly now: () => number;
}

/** The pool as it is, with nothing of what happens meanwhile, or some. */
export async function countUsage(
  storage: StorageDriver,
  pool: QuotaPool,
  { rules, grace, now }: CountOptions,
): Promise<PoolUsage> {
  const usage = new PoolUsage();
  usage.settle(now());
  const counting = { storage, usage, grace, sizes: new Map() };
  for await (const repository of repositoriesFrom(storage, pool.prefix)) {
    if (poolsOf(rules, repository).some(({ name }) => name === pool.name))
      await countRepository(counting, repository);
  }
  return usage;
}

/** Repositories whose names begin so. */
async function* repositoriesFrom(storage: StorageDriver, prefix: string): AsyncGenerator<string> {
  if (prefix !== "" && !prefix.endsWith("/") && (await isRepository(storage, prefix))) yield prefix;
  for await (const name of repositoriesAfter(storage, prefix)) {
    if (!name.startsWith(prefix)) return;
    yield name;
  }
}

interface Counting {
  readonly storage: StorageDriver;
  readonly usage: PoolUsage;
  readonly grace: number;
  /** Bytes of blobs that were asked for already; undefined: there is none. */
  readonly sizes: Map<Digest, Promise<number | undefined>>;
}

async function countRepository(counting: Counting, repository: string): Promise<void> {
  const { storage, usage, grace } = counting;
  const revisions = await Array.fromAsync(digestsIn(storage, paths.revisions(repository)));
  await concurrently(revisions, async (digest) => {
    const target = await findRevision(storage, repository, digest);
    const bytes = target && (await storage.read(paths.blob(target)));
    if (bytes !== undefined)
      usage.putManifest(repository, digest, { size: bytes.length, names: namesIn(bytes) });
  });
  const links = await Array.fromAsync(digestsIn(storage, paths.layers(repository)));
  await concurrently(links, async (digest) => {
    const link = await storage.stat(paths.layerLink(repository, digest));
    const size = link && (await sizeOf(counting, repository, digest));
    if (size !== undefined) usage.link(repository, digest, { size, until: link!.modified + grace });
  });
  for (const tag of await tagNames(storage, repository)) usage.putTag(repository, tag);
}

function sizeOf(
  { storage, sizes }: Counting,
  repository: string,
  digest: Digest,
): Promise<number | undefined> {
  // distribution's links of other algorithms lead to a sha256.
  if (algorithmOf(digest) !== "sha256")
    return findBlob(storage, repository, digest).then((blob) => blob?.size);
  const known = sizes.get(digest);
  if (known !== undefined) return known;
  const asked = storage.stat(paths.blob(digest)).then((found) => found?.size);
  sizes.set(digest, asked);
  return asked;
}

/** Blobs that a manifest names, each once. */
export function namesIn(bytes: Uint8Array): Digest[] {
  const { blobs = [], manifests = [] } = referencesOf(bytes) ?? {};
  // An index may list blobs.
  return [...new Set([...blobs, ...manifests])];
}
