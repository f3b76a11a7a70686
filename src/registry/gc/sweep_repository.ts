/** Decides about the links, manifests, uploads and trash of one repository. */
import type { Digest } from "../../oci/index.ts";
import { paths } from "../tree.ts";
import type { Decision, DecisionSubject } from "./decision.ts";
import { timeText } from "./gc_clock.ts";
import type { GcRun } from "./gc_run.ts";
import { reasonText, type MarkedRepository, type Reason } from "./mark_repository.ts";
import { walkTrash, type TrashEntry } from "./trash.ts";
import { digestOfPath, digestsIn, tagNames, uploadIds } from "./tree_files.ts";

export async function* sweepRepository(
  run: GcRun,
  repository: MarkedRepository,
  uploads: number,
): AsyncGenerator<Decision> {
  yield* sweepManifests(run, repository);
  yield* sweepLayerLinks(run, repository);
  yield* settleTags(run, repository);
  yield* sweepTagIndexes(run, repository);
  yield* sweepUploads(run, repository.name, uploads);
  yield* emptyTrash(run, repository);
}

/** Before blobs and their links: a manifest that can be pulled has its layers. */
async function* sweepManifests(run: GcRun, repository: MarkedRepository): AsyncGenerator<Decision> {
  const { name, manifests } = repository;
  const revisions = new Set(repository.revisions);
  for (const digest of repository.revisions) {
    const reason = manifests.get(digest);
    const about = { subject: "manifest", repository: name, digest } as const;
    if (reason !== undefined) {
      yield { ...about, action: "kept", reason: reasonText(reason) };
      continue;
    }
    yield await run.dispose({ ...about, path: paths.revisionLink(name, digest), why: "untagged" });
    // Ours, and of few manifests: it goes with the link and says nothing of its own.
    const type = paths.revisionType(name, digest);
    if ((await run.storage.stat(type)) !== undefined)
      await run.dispose({ ...about, path: type, why: "untagged" });
  }
  for (const [digest, reason] of manifests) {
    if (!revisions.has(digest)) yield* missingLink(run, repository, "manifest", digest, reason);
  }
}

async function* sweepLayerLinks(run: GcRun, repository: MarkedRepository): AsyncGenerator<Decision> {
  const { name, blobs } = repository;
  const unseen = new Set(blobs.keys());
  for await (const digest of digestsIn(run.storage, paths.layers(name))) {
    const path = paths.layerLink(name, digest);
    if (unseen.delete(digest)) continue;
    if ((await run.storage.stat(path)) === undefined) continue;
    yield await run.dispose({ path, subject: "layer link", repository: name, digest, why: "unreferenced" });
  }
  for (const digest of unseen) {
    yield* missingLink(run, repository, "layer link", digest, blobs.get(digest) as Reason);
  }
}

async function* missingLink(
  run: GcRun,
  repository: MarkedRepository,
  subject: DecisionSubject,
  digest: Digest,
  reason: Reason,
): AsyncGenerator<Decision> {
  const { name } = repository;
  const path = subject === "manifest" ? paths.revisionLink(name, digest) : paths.layerLink(name, digest);
  // The listing may lag behind.
  if ((await run.storage.stat(path)) !== undefined) return;
  const action = await run.bringBack(path);
  yield { action, subject, repository: name, digest, reason: reasonText(reason) };
}

/** Ends what a retention that was killed has begun: the tag is in the trash, and whether it was claimed is not known. */
async function* settleTags(run: GcRun, { name }: MarkedRepository): AsyncGenerator<Decision> {
  for await (const entry of walkTrash(run.storage, paths.tags(name))) {
    if (entry.by !== "gc" || !entry.path.endsWith("/current/link")) continue;
    if (entry.at + run.options.grace > run.started) continue;
    const tag = entry.path.split("/").at(-3) as string;
    const action = await run.settle(entry);
    if (action === undefined) continue;
    yield { action, subject: "tag", repository: name, name: tag, reason: "retention was interrupted" };
  }
}

/** What a deletion of the tag that did not come to its end has left; a tag's own index is its history and stays. */
async function* sweepTagIndexes(run: GcRun, { name }: MarkedRepository): AsyncGenerator<Decision> {
  for (const tag of await tagNames(run.storage, name)) {
    if ((await run.storage.stat(paths.tagCurrent(name, tag))) !== undefined) continue;
    for await (const digest of digestsIn(run.storage, paths.tagIndexes(name, tag))) {
      const path = paths.tagIndex(name, tag, digest);
      if ((await run.storage.stat(path)) === undefined) continue;
      yield await run.dispose({
        path,
        subject: "tag",
        repository: name,
        name: tag,
        why: "without a manifest",
      });
    }
  }
}

async function* sweepUploads(run: GcRun, name: string, age: number): AsyncGenerator<Decision> {
  for (const id of await uploadIds(run.storage, name)) {
    const directory = paths.upload(name, id);
    const begun = await lastSign(run, directory);
    const about = { subject: "upload", repository: name, name: id } as const;
    const reason = `begun ${timeText(begun)}`;
    if (begun + age > run.started) yield { ...about, action: "kept", reason };
    else {
      await run.remove(directory);
      yield { ...about, action: "purged", reason };
    }
  }
}

/**
 * When the upload began, or was last written to where that is known: one that takes a week is no stale one. Of one that is
 * just being made nothing is known yet; then it counts from when we first saw it.
 */
async function lastSign(run: GcRun, directory: string): Promise<number> {
  const begun = Date.parse(Buffer.from((await run.storage.read(`${directory}/startedat`)) ?? []).toString());
  const data = await run.storage.stat(`${directory}/data`);
  const sign = Math.max(Number.isNaN(begun) ? 0 : begun, data?.modified ?? 0);
  return sign > 0 ? sign : run.condemn(`${directory}/startedat`);
}

async function* emptyTrash(run: GcRun, repository: MarkedRepository): AsyncGenerator<Decision> {
  const { name } = repository;
  for (const part of ["_layers", "_manifests"]) {
    for await (const entry of walkTrash(run.storage, `${paths.repositories}/${name}/${part}`)) {
      if (!run.isOverdue(entry)) continue;
      if (isNeeded(repository, entry) && (await run.storage.stat(entry.path)) === undefined) continue;
      await run.remove(entry.place);
      const digest = digestOfPath(entry.path);
      const tag = /\/_manifests\/tags\/([^/]+)\//.exec(entry.path)?.[1];
      const reason = `in the trash since ${timeText(entry.at)}`;
      yield {
        action: "purged",
        subject: subjectOf(entry),
        repository: name,
        ...(digest && { digest }),
        ...(tag !== undefined && { name: tag }),
        reason,
      };
    }
  }
}

function isNeeded(repository: MarkedRepository, entry: TrashEntry): boolean {
  const digest = digestOfPath(entry.path);
  if (digest === undefined || entry.by !== "gc") return false;
  switch (subjectOf(entry)) {
    case "layer link":
      return repository.blobs.has(digest);
    case "manifest":
      return repository.manifests.has(digest);
    case "tag":
    case "blob":
    case "upload":
      return false;
  }
}

function subjectOf(entry: TrashEntry): DecisionSubject {
  if (entry.path.includes("/_manifests/tags/")) return "tag";
  return entry.path.includes("/_layers/") ? "layer link" : "manifest";
}
