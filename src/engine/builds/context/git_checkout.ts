/** One commit of a git repository as files, for contexts and `ADD` (buildkit, source/git/source.go). */
import { lstat, mkdtemp, readdir, realpath, rm } from "node:fs/promises";
import { join, sep } from "node:path";
import { Failure, isFailure } from "../../../errors.ts";
import type { GitReference } from "./git_reference.ts";
import { runGit, withoutPasswords } from "./run_git.ts";

export interface GitCheckout extends AsyncDisposable {
  /** The repository, or the directory in it that was asked for. */
  readonly directory: string;
  /** Whole hash. */
  readonly commit: string;
}

export interface GitCheckoutOptions {
  /** What the reference says goes before. Default false. */
  readonly keepGitDir?: boolean;
  /** Where a directory for the files is made. */
  readonly temporaryDirectory: string;
  readonly signal: AbortSignal;
}

/**
 * Fetches no more history than the one commit, if the server allows, and its submodules. Nothing of the repository is
 * run. Symlinks are as the repository has them: the files are to be read through a source tree, which confines them.
 *
 * @throws {Failure} `unavailable`; `not-found` for a directory that is not there; `corrupt` for another commit than
 * the checksum tells; `unsupported` without git
 */
export async function checkoutGit(
  reference: GitReference,
  options: GitCheckoutOptions,
): Promise<GitCheckout> {
  const { signal } = options;
  const root = await realpath(await mkdtemp(join(options.temporaryDirectory, "git-")));
  const remove = (): Promise<void> => rm(root, { recursive: true, force: true, maxRetries: 2 });
  try {
    await runGit(root, ["init", "--quiet", "--template="], { signal });
    await fetchCommit(root, reference, signal);
    await runGit(root, ["checkout", "--quiet", "--detach", "FETCH_HEAD"], { signal });
    const commit = (await runGit(root, ["rev-parse", "HEAD"], { signal })).trim();
    if (reference.checksum !== undefined && !commit.startsWith(reference.checksum))
      throw new Failure("corrupt", `expected checksum to match ${reference.checksum}, got ${commit}`);
    if (reference.submodules !== false && (await exists(join(root, ".gitmodules"))))
      await fetchSubmodules(root, reference, signal);
    if (reference.keepGitDir ?? options.keepGitDir ?? false) await tidyGitDir(root, reference, signal);
    else await removeGitDirs(root);
    const directory = await directoryIn(root, reference.directory);
    return { directory, commit, [Symbol.asyncDispose]: remove };
  } catch (error) {
    await remove();
    if (!isFailure(error, "unavailable")) throw error;
    const remote = withoutPasswords(reference.remote);
    throw new Failure("unavailable", `failed to fetch remote ${remote}: ${error.message}`, { cause: error });
  }
}

async function fetchCommit(
  root: string,
  { remote, ref = "HEAD" }: GitReference,
  signal: AbortSignal,
): Promise<void> {
  if (!/^(?:[0-9a-f]{40}|[0-9a-f]{64})$/.test(ref)) return fetchShallow(root, [remote, ref], signal);
  try {
    await fetchShallow(root, [remote, ref], signal);
  } catch (error) {
    // Old servers give only what a name leads to: then all names are fetched, in the hope that it is among them.
    if (!isFailure(error, "unavailable") || signal.aborted) throw error;
    await runGit(root, ["fetch", "--quiet", "--", remote, "+refs/*:refs/remotes/all/*"], { signal });
    await runGit(root, ["fetch", "--quiet", "--", root, ref], { signal });
  }
}

/** Whole where the repository is nothing but files on a web server (moby, `supportsShallowClone`). */
async function fetchShallow(root: string, what: readonly string[], signal: AbortSignal): Promise<void> {
  const fetch = ["fetch", "--quiet", "--no-tags"];
  try {
    await runGit(root, [...fetch, "--depth=1", "--", ...what], { signal });
  } catch (error) {
    if (!isFailure(error, "unavailable") || !/does not support shallow/.test(error.message)) throw error;
    await runGit(root, [...fetch, "--", ...what], { signal });
  }
}

/** `origin` has to be known, since a submodule's address may be relative to it. */
async function fetchSubmodules(root: string, { remote }: GitReference, signal: AbortSignal): Promise<void> {
  await runGit(root, ["remote", "add", "origin", remote], { signal });
  await runGit(root, ["submodule", "--quiet", "update", "--init", "--recursive", "--depth=1"], { signal });
  await runGit(root, ["remote", "remove", "origin"], { signal });
}

/** What stays in an image holds no password and nothing that differs between two fetches of one commit. */
async function tidyGitDir(root: string, { remote }: GitReference, signal: AbortSignal): Promise<void> {
  await runGit(root, ["remote", "add", "origin", withoutPasswords(remote)], { signal });
  await runGit(root, ["reflog", "expire", "--all", "--expire=now"], { signal });
  for (const name of ["FETCH_HEAD", "ORIG_HEAD"]) await rm(join(root, ".git", name), { force: true });
}

/** The repository's, and those of submodules: git lets no repository have files of that name. */
async function removeGitDirs(directory: string): Promise<void> {
  const hasSubmodules = await exists(join(directory, ".gitmodules"));
  await rm(join(directory, ".git"), { recursive: true, force: true });
  if (!hasSubmodules) return;
  for (const entry of await readdir(directory, { withFileTypes: true }))
    if (entry.isDirectory()) await removeGitDirsBelow(join(directory, entry.name));
}

async function removeGitDirsBelow(directory: string): Promise<void> {
  for (const entry of await readdir(directory, { withFileTypes: true })) {
    const path = join(directory, entry.name);
    if (entry.name === ".git") await rm(path, { recursive: true, force: true });
    else if (entry.isDirectory()) await removeGitDirsBelow(path);
  }
}

async function exists(path: string): Promise<boolean> {
  return lstat(path).then(
    () => true,
    () => false,
  );
}

/** Symlinks may lead there, inside the repository. */
async function directoryIn(root: string, directory: string | undefined): Promise<string> {
  if (directory === undefined) return root;
  const real = await realpath(join(root, directory)).catch(() => undefined);
  const isInside = real !== undefined && (real === root || real.startsWith(root + sep));
  if (!isInside || !(await lstat(real)).isDirectory())
    throw new Failure("not-found", `the git repository has no directory "${directory}"`);
  return real;
}
