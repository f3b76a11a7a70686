/** Tags that lead where they lead: neither moved nor deleted, and what they lead to is not deleted either. */
import type { Digest } from "../../oci/index.ts";
import { matchesName, matchesRepository } from "../access/rules/pattern.ts";
import { concurrently } from "../concurrently.ts";
import { referencesOf } from "../gc/references.ts";
import type { DeleteIntent, RegistryPolicy } from "../hooks.ts";
import { findRevision, listTags, resolveTag } from "../manifest_store.ts";
import { isReferrersTag } from "../referrers_tag.ts";
import { RegistryError } from "../registry_error.ts";
import type { StorageDriver } from "../storage/types.ts";
import { paths } from "../tree.ts";

export interface ImmutableRule {
  /** Patterns of `access/rules/pattern.ts`, one of which must fit. */
  readonly repositories: readonly string[];
  /** Patterns in which `*` stands for any characters, one of which must fit. */
  readonly tags: readonly string[];
}

/**
 * A push to such a tag is refused unless it leads there already. 403 DENIED, since that is what clients show without
 * trying again: `denied: tag v1 of a/b is immutable: …`.
 */
export function immutableTags(storage: StorageDriver, rules: readonly ImmutableRule[]): RegistryPolicy {
  if (rules.length === 0) return {};
  const isFixed = (repository: string, tag: string) =>
    // A list of referrers grows with each signature, whatever the pattern means.
    !isReferrersTag(tag) &&
    rules.some(
      ({ repositories, tags }) =>
        repositories.some((pattern) => matchesRepository(pattern, repository, undefined)) &&
        tags.some((pattern) => matchesName(pattern, tag)),
    );
  const check = async (repository: string, tags: readonly string[], digest: Digest | undefined) => {
    const fixed = tags.filter((tag) => isFixed(repository, tag));
    const now = await concurrently(fixed, (tag) => resolveTag(storage, repository, tag));
    for (const [i, tag] of fixed.entries()) {
      if (now[i] !== undefined && now[i] !== digest) throw denied(repository, tag, `it leads to ${now[i]}`);
    }
    return fixed.filter((_, i) => now[i] === undefined);
  };
  return {
    beforePush: async ({ repository, tags, manifest }) => {
      if (manifest !== undefined) await check(repository, tags, manifest.digest);
    },
    beforeManifest: async ({ repository, tags, digest }) => ({
      onlyNew: await check(repository, tags, digest),
    }),
    beforeDelete: async (intent) => {
      const { repository, tags, digest } = intent;
      const tag = tags.find((each) => isFixed(repository, each));
      if (tag !== undefined) throw denied(repository, tag, "it cannot be deleted");
      if (intent.kind === "tag") return;
      const holder = await holderOf(storage, intent, (each) => isFixed(repository, each));
      if (holder !== undefined) throw denied(repository, holder, `it needs ${digest}`);
    },
  };
}

/** A fixed tag whose image has the manifest or blob in it. */
async function holderOf(
  storage: StorageDriver,
  { repository, digest }: DeleteIntent,
  isFixed: (tag: string) => boolean,
): Promise<string | undefined> {
  const seen = new Set<Digest>();
  const holds = async (manifest: Digest): Promise<boolean> => {
    if (manifest === digest) return true;
    if (seen.has(manifest)) return false;
    seen.add(manifest);
    const target = await findRevision(storage, repository, manifest);
    const bytes = target && (await storage.read(paths.blob(target)));
    const { blobs = [], manifests = [] } = (bytes && referencesOf(bytes)) ?? {};
    if (blobs.includes(digest)) return true;
    for (const each of manifests) if (await holds(each)) return true;
    return false;
  };
  for (const tag of (await listTags(storage, repository)).filter(isFixed)) {
    const manifest = await resolveTag(storage, repository, tag);
    if (manifest !== undefined && (await holds(manifest))) return tag;
  }
  return undefined;
}

function denied(repository: string, tag: string, why: string): RegistryError {
  const message = `tag ${tag} of ${repository} is immutable: ${why}`;
  return new RegistryError("DENIED", [{ repository, tag }], {}, { message });
}
