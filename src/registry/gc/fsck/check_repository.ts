/** Links of one repository: each holds what its path says, leads to a blob, and none is missing. */
import type { Digest } from "../../../oci/index.ts";
import { paths, readLink } from "../../tree.ts";
import { reasonText, type MarkedRepository, type Reason } from "../mark_repository.ts";
import { digestsIn, tagNames } from "../tree_files.ts";
import type { Finding, FindingKind } from "./finding.ts";
import type { Repairs } from "./fsck.ts";

export async function* checkRepository(repairs: Repairs, marked: MarkedRepository): AsyncGenerator<Finding> {
  const { name, blobs, manifests } = marked;
  yield* checkTags(repairs, name);
  yield* checkLinks(repairs, name, paths.layers(name), blobs, (digest) => paths.layerLink(name, digest));
  yield* checkLinks(repairs, name, paths.revisions(name), manifests, (digest) =>
    paths.revisionLink(name, digest),
  );
}

/** A damaged tag leads again to what was pushed last under it, which its index knows. */
async function* checkTags(repairs: Repairs, name: string): AsyncGenerator<Finding> {
  const { storage, repair } = repairs;
  for (const tag of await tagNames(storage, name)) {
    const path = paths.tagCurrent(name, tag);
    const bytes = await storage.read(path);
    if (bytes === undefined || readLink(bytes) !== undefined) continue;
    const finding = {
      kind: "damaged link",
      path,
      repository: name,
      neededBy: `<- tag ${name}:${tag}`,
    } as const;
    const latest = await latestOf(repairs, name, tag);
    if (!repair) yield { ...finding, outcome: "found" };
    else if (latest === undefined) yield { ...finding, outcome: await repairs.setAside(path) };
    else {
      await storage.write(path, Buffer.from(latest));
      yield { ...finding, digest: latest, outcome: "healed" };
    }
  }
}

async function latestOf({ storage }: Repairs, name: string, tag: string): Promise<Digest | undefined> {
  let latest: { digest: Digest; modified: number } | undefined;
  for await (const digest of digestsIn(storage, paths.tagIndexes(name, tag))) {
    const stat = await storage.stat(paths.tagIndex(name, tag, digest));
    if (stat !== undefined && stat.modified > (latest?.modified ?? -1)) {
      latest = { digest, modified: stat.modified };
    }
  }
  return latest?.digest;
}

async function* checkLinks(
  repairs: Repairs,
  name: string,
  directory: string,
  needed: ReadonlyMap<Digest, Reason>,
  linkOf: (digest: Digest) => string,
): AsyncGenerator<Finding> {
  const digests = new Set(needed.keys());
  for await (const digest of digestsIn(repairs.storage, directory)) digests.add(digest);
  for (const digest of digests) {
    const finding = await checkLink(repairs, name, linkOf(digest), digest, needed.get(digest));
    if (finding !== undefined) yield finding;
  }
}

async function checkLink(
  repairs: Repairs,
  repository: string,
  path: string,
  digest: Digest,
  reason: Reason | undefined,
): Promise<Finding | undefined> {
  const { storage, repair } = repairs;
  const bytes = await storage.read(path);
  const target = readLink(bytes);
  // distribution keeps what came as sha512 under its sha256.
  const isRight = target === digest || (target !== undefined && digest.startsWith("sha512:"));
  // What a copy's manifest names may lie here as somebody else's: a link to it would give that away.
  if (bytes === undefined && (reason === undefined || repairs.isCopy(repository))) return undefined;
  const found = (kind: FindingKind, at: string, outcome: Finding["outcome"]): Finding => {
    return { kind, path: at, digest, repository, neededBy: reasonText(reason), outcome };
  };
  const blob = paths.blob(isRight ? target : digest);
  const isThere = (await storage.stat(blob)) !== undefined;
  if (isThere) {
    if (isRight) return undefined;
    // The path says what the link must say.
    if (repair) await storage.write(path, Buffer.from(digest));
    return found(bytes === undefined ? "missing link" : "damaged link", path, repair ? "healed" : "found");
  }
  if (reason === undefined) {
    return found("dangling link", path, repair ? await repairs.setAside(path) : "found");
  }
  const healed = repair && (await repairs.bringBlob(digest, [repository]));
  if (healed && !isRight) await storage.write(path, Buffer.from(digest));
  if (healed || !repair) return found("missing blob", blob, healed ? "healed" : "found");
  // A manifest that nobody can read keeps all of its repository from being collected.
  const isManifest = path === paths.revisionLink(repository, digest);
  return found("missing blob", blob, isManifest ? await repairs.setAside(path) : "found");
}
