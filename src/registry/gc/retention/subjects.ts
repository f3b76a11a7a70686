/** Tags that are no versions of anything: lists of referrers, and what cosign tags after the manifest that it is about. */
import type { Digest } from "../../../oci/index.ts";
import { referrersTag } from "../../referrers_tag.ts";
import type { StorageDriver } from "../../storage/types.ts";
import { paths } from "../../tree.ts";
import { digestsIn } from "../tree_files.ts";

const belonging = /^(sha(?:256|512)-[0-9a-f]{64})(?:\.(?:sig|att|sbom))?$/;

/** By such a tag the manifest of the repository that it is about; tags whose manifest has gone are left out. */
export async function subjectsOf(
  storage: StorageDriver,
  name: string,
  tags: readonly string[],
): Promise<ReadonlyMap<string, Digest>> {
  const subjects = new Map<string, Digest>();
  const candidates = tags.filter((tag) => belonging.test(tag));
  for await (const digest of candidates.length === 0 ? [] : digestsIn(storage, paths.revisions(name))) {
    const about = candidates.filter((tag) => belonging.exec(tag)?.[1] === referrersTag(digest));
    if (about.length === 0) continue;
    // A directory is no proof that the manifest is still there.
    if ((await storage.stat(paths.revisionLink(name, digest))) === undefined) continue;
    for (const tag of about) subjects.set(tag, digest);
  }
  return subjects;
}
