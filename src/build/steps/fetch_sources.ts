/** Sources of `ADD` that lie elsewhere: files behind URLs, and git repositories. */
import { createHash } from "node:crypto";
import { createWriteStream } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { join } from "node:path";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { fromText } from "../../byte_string.ts";
import { count, fromFile } from "../../bytes/index.ts";
import { Failure, isFailure } from "../../errors.ts";
import type { BuildRun } from "../build_run.ts";
import { downloadText, machineOwnerNames } from "../classic/index.ts";
import type { DownloadedFile } from "../copy/index.ts";
import { openDirectorySource, type SourceTree } from "../source/index.ts";
import type { StepId } from "../types.ts";

export interface FetchOptions {
  readonly keepGitDir: boolean;
  /** `sha256:…` of a file, or the commit of a repository. */
  readonly checksum?: string;
  readonly id: StepId;
}

export interface FetchedSources {
  readonly downloads: readonly DownloadedFile[];
  readonly checkouts: readonly SourceTree[];
}

const httpUrl = /^https?:\/\//i;
const gitReference =
  /^(git@|git:\/\/|ssh:\/\/|https?:\/\/[^?#]+\.git(?:[#?]|$)|https?:\/\/(?:www\.)?github\.com\/[^/]+\/[^/#]+(?:#|$))/;

/** Dockerfile reference, `ADD`, "Adding files from a URL" and "from a Git repository". */
export function isRemoteSource(source: string): boolean {
  return httpUrl.test(source) || gitReference.test(source);
}

/** All of them, to stay for the length of the build. @throws Failure("corrupt") if one is not what `checksum` says */
export async function fetchSources(
  build: BuildRun,
  sources: readonly string[],
  options: FetchOptions,
): Promise<FetchedSources> {
  const downloads: DownloadedFile[] = [];
  const checkouts: SourceTree[] = [];
  for (const source of sources) {
    if (gitReference.test(source)) checkouts.push(await fetchRepository(build, source, options));
    else downloads.push(await fetchFile(build, source, options));
  }
  return { downloads, checkouts };
}

/** Docker's word for what was downloaded. */
export function downloadWord(file: DownloadedFile, signal: AbortSignal): Promise<string> {
  const { name, size } = file;
  return downloadText({ name: fromText(name), size, content: file.open(signal) }, machineOwnerNames());
}

async function fetchRepository(
  build: BuildRun,
  source: string,
  { keepGitDir, checksum }: FetchOptions,
): Promise<SourceTree> {
  const { signal } = build;
  const { directory, commit } = build.open.use(await build.services.fetchGit(source, { keepGitDir, signal }));
  if (checksum !== undefined && !commit.startsWith(checksum.replace(/^sha1:/, ""))) {
    throw new Failure("corrupt", `${source} is at commit ${commit}, expected checksum to match ${checksum}`);
  }
  return build.open.use(openDirectorySource(directory, { name: source }));
}

async function fetchFile(build: BuildRun, url: string, options: FetchOptions): Promise<DownloadedFile> {
  const directory = await mkdtemp(join(build.session.directory, "add-"));
  build.open.defer(() => rm(directory, { recursive: true, force: true }));
  const path = join(directory, "file");
  const fetched = await build.services.fetchUrl(url, { signal: build.signal }).catch((error: unknown) => {
    if (!isFailure(error) || error.kind === "cancelled") throw error;
    throw new Failure(error.kind, `ADD failed: ${error.message}`, { cause: error });
  });
  const { sha256, size } = await spool(build, url, fetched, path, options.id);
  if (options.checksum !== undefined && options.checksum !== `sha256:${sha256}`) {
    throw new Failure("corrupt", `digest mismatch sha256:${sha256}: ${options.checksum}`, {
      hint: `${url} does not hold what --checksum says`,
    });
  }
  const { name, modified } = fetched;
  return {
    url,
    name,
    size,
    sha256,
    ...(modified !== undefined && { mtime: Math.floor(modified.getTime() / 1000) }),
    open: (signal) => fromFile(path, { signal }),
  };
}

async function spool(
  build: BuildRun,
  url: string,
  { content, size: total }: Awaited<ReturnType<BuildRun["services"]["fetchUrl"]>>,
  path: string,
  id: StepId,
): Promise<{ readonly sha256: string; readonly size: number }> {
  const hash = createHash("sha256");
  let size = 0;
  const seen = count(content, (current) => {
    size = current;
    const totals = total === undefined ? {} : { total };
    build.emit({ kind: "progress", id, status: `Downloading ${url}`, current, ...totals });
  });
  const hashed = async function* (): AsyncGenerator<Uint8Array> {
    for await (const chunk of seen) {
      hash.update(chunk);
      yield chunk;
    }
  };
  await pipeline(Readable.from(hashed()), createWriteStream(path, { mode: 0o600 }), { signal: build.signal });
  return { sha256: hash.digest("hex"), size };
}
