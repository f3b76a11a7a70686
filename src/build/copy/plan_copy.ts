/** What an instruction `COPY` or `ADD` copies, found before anything is known of the image that it goes on. */
import { createHash } from "node:crypto";
import { fromText } from "../../byte_string.ts";
import { fromBytes, throwIfCancelled } from "../../bytes/index.ts";
import { ignoreMatcher } from "../../dockerfile/index.ts";
import { Failure, isFailure } from "../../errors.ts";
import type { SourceTree } from "../source/types.ts";
import { type ModeChange, parseModeChange } from "./change_mode.ts";
import { copyEntries } from "./copy_entries.ts";
import type { CopySource, FileContent, FileItem } from "./copy_source.ts";
import { digestSources } from "./digest_sources.ts";
import { leavesTree } from "./find_paths.ts";
import { hasWildcard } from "./match_name.ts";
import { isArchive } from "./is_archive.ts";
import { endsAsDirectory } from "./place_source.ts";
import { readDirectory, type ReadItemsOptions } from "./read_items.ts";
import { readSource, readWithParents } from "./read_sources.ts";
import type { CopyPlan, CopyRequest, DownloadedFile, InlineFile } from "./types.ts";

/**
 * Finds and digests all that is copied. What Docker refuses is refused in its words (behaviours B078):
 * `Failure("not-found")` for a source that is not there, `Failure("invalid")` for several sources without a directory to
 * go to, wildcards that match nothing, and malformed flags.
 * @param tree the context, or what `--from` names; undefined: there is none
 */
export async function planCopy(
  request: CopyRequest,
  tree: SourceTree | undefined,
  { signal }: { readonly signal: AbortSignal },
): Promise<CopyPlan> {
  throwIfCancelled(signal);
  const change = request.chmod === undefined ? undefined : parseModeChange(request.chmod);
  const named = readAll(request, tree, change);
  checkCount(request, named);
  const sources = await withArchives(request, named, signal);
  const ownersMatter = request.chown === undefined || request.chown === "";
  const found = await digestSources(sources, { ownersMatter, signal });
  const digest = createHash("sha256")
    .update(`${found.digest} ${request.chown ?? ""}`)
    .digest("hex");
  const madeMode = change?.fixed;
  const isContext = tree === undefined || tree.name === "context";
  const plan = { request, sources, isContext, ...(madeMode !== undefined && { madeMode }) };
  return {
    digest,
    get items() {
      return found.items;
    },
    entries: (view, options) => copyEntries(plan, view, options),
  };
}

interface NamedSource {
  readonly source: CopySource;
  /** Whether it is unpacked if it is an archive. */
  readonly mayUnpack: boolean;
}

function readAll(
  request: CopyRequest,
  tree: SourceTree | undefined,
  change: ModeChange | undefined,
): NamedSource[] {
  const { exclude, unpack, files, downloads = [], checkouts = [], classic = false } = request;
  const flags = {
    classic,
    ...(change !== undefined && { change }),
    ...(exclude.length > 0 && { excluded: ignoreMatcher(exclude) }),
  };
  const found = request.sources.flatMap((source) => readNamed(request, source, tree, flags));
  for (const checkout of checkouts) {
    const items = [...readDirectory({ tree: checkout, ...flags }, "", "")];
    found.push({ source: { kind: "directory", path: fromText(checkout.name), items }, mayUnpack: false });
  }
  for (const download of downloads) {
    const item = downloadItem(request, download, change);
    found.push({ source: { kind: "file", path: fromText(download.url), item }, mayUnpack: unpack === true });
  }
  for (const file of files) found.push({ source: inlineSource(file, change), mayUnpack: false });
  return found;
}

function readNamed(
  { kind, parents, unpack, classic }: CopyRequest,
  source: string,
  tree: SourceTree | undefined,
  flags: Omit<ReadItemsOptions, "tree">,
): NamedSource[] {
  const command = kind.toUpperCase();
  if (tree === undefined) throw new Failure("invalid", `${command} failed: missing build context`);
  if (classic === true && leavesTree(source) && !hasWildcard(source)) {
    throw new Failure("invalid", `${command} failed: forbidden path outside the build context: ${source} ()`);
  }
  const mayUnpack = (kind === "add" && unpack !== false) || unpack === true;
  try {
    const read = parents ? readWithParents : readSource;
    return [...read({ tree, ...flags }, source)].map((found) => ({ source: found, mayUnpack }));
  } catch (error) {
    if (!isFailure(error, "not-found")) throw error;
    throw new Failure(error.kind, `${command} failed: ${error.message}`, { cause: error });
  }
}

function checkCount({ kind, destination, classic }: CopyRequest, found: readonly NamedSource[]): void {
  const command = kind.toUpperCase();
  if (found.length === 0) throw new Failure("invalid", `${command} failed: no source files were specified`);
  const isDirectory = classic === true ? destination.endsWith("/") : endsAsDirectory(destination);
  if (found.length > 1 && !isDirectory) {
    const rule = "the destination must be a directory and end with a /";
    throw new Failure("invalid", `When using ${command} with more than one source file, ${rule}`);
  }
}

async function withArchives(
  { classic }: CopyRequest,
  named: readonly NamedSource[],
  signal: AbortSignal,
): Promise<CopySource[]> {
  const sources: CopySource[] = [];
  for (const { source, mayUnpack } of named) {
    if (source.kind !== "file") sources.push(source);
    else if (mayUnpack && (await isArchive(source.item.content.open(signal)))) {
      sources.push({ ...source, kind: "archive" });
    } else if (classic === true) sources.push({ ...source, item: withoutAttributes(source.item) });
    else sources.push(source);
  }
  return sources;
}

/** Docker's old builder packs a single file without looking for attributes (moby, `CopyFileWithTar`). */
function withoutAttributes(item: FileItem): FileItem {
  return { ...item, xattrs: new Map() };
}

/** As Docker spools it: 0600, of the time that the server says, or 1970 (moby, `downloadSource`). */
function downloadItem(
  { kind, destination }: CopyRequest,
  download: DownloadedFile,
  change: ModeChange | undefined,
): FileItem {
  const { url, name, size, sha256, mtime = 0 } = download;
  if (name === "" && destination.endsWith("/")) {
    throw new Failure("invalid", `${kind.toUpperCase()} failed: cannot determine filename for source ${url}`);
  }
  const content: FileContent = { size, digest: () => sha256, open: (signal) => download.open(signal) };
  return { ...fileItem(name || "__unnamed__", 0o600, content, change), mtime };
}

function inlineSource({ name, content }: InlineFile, change: ModeChange | undefined): CopySource {
  const digest = (): string => createHash("sha256").update(content).digest("hex");
  const open = (): AsyncGenerator<Uint8Array> => fromBytes(content);
  const item = fileItem(name, 0o644, { size: content.length, digest, open }, change);
  return { kind: "file", path: item.name, item };
}

function fileItem(
  name: string,
  usual: number,
  content: FileContent,
  change: ModeChange | undefined,
): FileItem {
  const mode = change?.apply(usual, false) ?? usual;
  // No slash: a name from outside could lead elsewhere.
  return { kind: "file", name: fromText(name.replaceAll("/", "_")), mode, uid: 0, gid: 0, content };
}
