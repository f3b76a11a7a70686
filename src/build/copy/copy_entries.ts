/** From what is copied to the entries of a layer on an image. */
import { throwIfCancelled } from "../../bytes/index.ts";
import { Failure, isFailure } from "../../errors.ts";
import { LayerDraft } from "../../image/index.ts";
import type { PackedEntry, TarEntry } from "../../tar/index.ts";
import { MemoryBranch, ReadView } from "../../union/index.ts";
import type { CopySource } from "./copy_source.ts";
import { accountsOf, type Owner, ownerOf } from "./owner_of.ts";
import { destinationOf, type PlaceOptions, placeSource } from "./place_source.ts";
import type { CopyRequest, EntriesOptions } from "./types.ts";
import { archiveEntries, unpackArchive, type UnpackedArchive } from "./unpack_archive.ts";

export interface PlannedCopy {
  readonly request: CopyRequest;
  readonly sources: readonly CopySource[];
  /** `--chmod` in digits. */
  readonly madeMode?: number;
  /** The tree is a build context, whose files become root's. */
  readonly isContext: boolean;
}

/** As `CopyPlan.entries` says. */
export async function* copyEntries(
  plan: PlannedCopy,
  view: ReadView,
  options: EntriesOptions,
): AsyncGenerator<PackedEntry, void, undefined> {
  const { time, epoch = Infinity, signal, correct } = options;
  const draft = new LayerDraft(plan.request.link ? emptyView() : view, Math.min(time, epoch));
  const archives = await placeAll(draft, plan, ownerFor(plan, view, options), options);
  const listed = draft.list().toArray();
  for (const { entry } of listed) clamp(entry, epoch);
  if (correct !== undefined) {
    const existing = listed.filter(
      ({ node, entry }) => node.isExisting === true && entry.type === "directory",
    );
    await correct(existing.map(({ entry }) => entry));
    for (const { entry } of existing) clamp(entry, epoch);
  }
  for (const { node, entry, body } of listed) {
    throwIfCancelled(signal);
    if (archives.some(({ contents }) => contents.has(node))) continue;
    yield body === undefined ? { entry } : { entry, body };
  }
  for (const archive of archives) yield* archiveEntries(archive, listed, signal);
}

function ownerFor(
  { request: { chown, classic = false } }: PlannedCopy,
  view: ReadView,
  { accounts }: EntriesOptions,
): Owner | undefined {
  if (chown === undefined || chown === "") return undefined;
  return ownerOf(chown, accounts ?? accountsOf(view), { classic });
}

async function placeAll(
  draft: LayerDraft,
  { request, sources, madeMode, isContext }: PlannedCopy,
  owner: Owner | undefined,
  { time, signal }: EntriesOptions,
): Promise<UnpackedArchive[]> {
  const options: PlaceOptions = {
    destination: destinationOf(request.destination, request.workingDir),
    ...(owner !== undefined && { owner }),
    ...(madeMode !== undefined && { madeMode }),
    time,
    clearsSetId: request.classic === true && (isContext || owner !== undefined),
    signal,
  };
  const archives: UnpackedArchive[] = [];
  for (const source of sources) {
    throwIfCancelled(signal);
    try {
      if (source.kind === "archive") archives.push(await unpackArchive(draft, source.item, options));
      else placeSource(draft, source, options);
    } catch (error) {
      if (!isFailure(error, "invalid")) throw error;
      const what =
        source.kind === "directory"
          ? "failed to copy files: failed to copy directory"
          : "failed to copy files";
      throw new Failure("invalid", `${what}: ${error.message}`, { cause: error });
    }
  }
  return archives;
}

function emptyView(): ReadView {
  return new ReadView({ dialect: "overlay2", lowers: [new MemoryBranch()] });
}

function clamp(entry: TarEntry, epoch: number): void {
  if (entry.mtime < epoch) return;
  entry.mtime = epoch;
  entry.mtimeNs = 0;
}
