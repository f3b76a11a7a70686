/** `cp` between a container and this machine (docker/cli, cli/command/container/cp.go; moby, pkg/archive/copy.go). */
import { lstatSync, readlinkSync, realpathSync, statSync, type Stats } from "node:fs";
import { posix } from "node:path";
import { fromText } from "../../../byte_string.ts";
import type { ByteSource } from "../../../bytes/index.ts";
import { Failure, isFailure } from "../../../errors.ts";
import type { Store } from "../../../store/index.ts";
import { packTar, readTar, type PackedEntry } from "../../../tar/index.ts";
import type { ContainerRecord } from "../record.ts";
import { readArchive, statPath, writeArchive, type ArchiveOptions } from "./archive.ts";
import { absolute, asContent, lastName, spelledLike, splitLast } from "./path_words.ts";
import { openPlace, statPlace } from "./place.ts";
import { placeTar } from "./place_tar.ts";
import { planCopy, type CopyTarget } from "./plan_copy.ts";
import { caller, unpackInto } from "./unpack_into.ts";

export interface CopyOptions extends ArchiveOptions {
  /** Keep owners of what is copied out (default: it belongs to the caller). What is copied in keeps them always. */
  readonly archive?: boolean;
  /** Copy what a symlink at the source leads to, under the symlink's name. */
  readonly followLink?: boolean;
}

/** Copies out of the container. Throws in Docker's words when something is not there or does not fit. */
export async function copyOut(
  store: Store,
  record: ContainerRecord,
  source: string,
  target: string,
  options: CopyOptions,
): Promise<void> {
  const to = absolute(target);
  checkOutputPath(to);
  const from = options.followLink === true ? await linkTarget(store, record, source) : source;
  const { stat, tar } = await readArchive(store, record, from, options);
  const plan = planCopy(stat.kind === "directory", localTarget(to));
  const renamed = renameTop(tar, stat.name, plan.name ?? lastName(source));
  await unpackInto(plan.directory, "/", renamed, {
    signal: options.signal,
    at: plan.directory,
    ...(options.archive !== true && { owner: caller() }),
  });
}

/** Copies into the container. Throws in Docker's words when something is not there or does not fit. */
export async function copyIn(
  store: Store,
  source: string,
  record: ContainerRecord,
  target: string,
  options: CopyOptions,
): Promise<void> {
  const from = localSource(source, options.followLink === true);
  const missing = (cause?: unknown): Failure =>
    new Failure("not-found", `lstat ${source}: no such file or directory`, { cause });
  using place = openPlace("/", from, missing);
  const stat = statPlace(place);
  if (stat === undefined) throw missing();
  const plan = planCopy(stat.kind === "directory", await containerTarget(store, record, target));
  const tar = placeTar(place, stat, options);
  const renamed = renameTop(tar, place.shown, plan.name ?? lastName(absolute(source)));
  await writeArchive(store, record, plan.directory, renamed, options);
}

/** Where a symlink at the end of `path` leads, one step, spelled as `path` was; `path` itself if there is none. */
async function linkTarget(store: Store, record: ContainerRecord, path: string): Promise<string> {
  const stat = await statPath(store, record, path);
  if (stat.kind !== "symlink") return path;
  return spelledLike(path, posix.resolve(splitLast(posix.join("/", path)).directory, stat.linkTarget));
}

/** What is to be copied, symlinks on the way followed; one at its end too where that is asked for. */
function localSource(path: string, followLink: boolean): string {
  const whole = absolute(path);
  if (!followLink || asContent(whole)) return whole;
  try {
    return spelledLike(whole, realpathSync(whole));
  } catch (error) {
    throw localFailure("lstat", path, error);
  }
}

/** Docker's check of the place to write to: its parent is there, and it is no device or the like. */
function checkOutputPath(path: string): void {
  const parent = posix.dirname(posix.normalize(path).replace(/(?<=.)\/$/, ""));
  if (localStat(parent) === undefined) {
    throw new Failure("not-found", `invalid output path: directory ${JSON.stringify(parent)} does not exist`);
  }
  const stat = localStat(path);
  if (stat === undefined || stat.isDirectory() || stat.isFile()) return;
  throw new Failure(
    "invalid",
    `invalid output path: ${JSON.stringify(path)} must be a directory or a regular file`,
  );
}

function localStat(path: string): Stats | undefined {
  try {
    return statSync(path);
  } catch (error) {
    // Not by throwIfNoEntry, which takes a way through a file for nothing as well.
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw localFailure("stat", path, error);
  }
}

const maxLinks = 10;

/** The place to write to on this machine: where symlinks at its end lead, even to what does not exist yet. */
function localTarget(path: string): CopyTarget {
  let at = path;
  for (let hops = 0; hops <= maxLinks; hops++) {
    const stat = lstatSync(at, { throwIfNoEntry: false });
    if (stat === undefined) return { path: at, kind: "missing" };
    if (!stat.isSymbolicLink()) return { path: at, kind: stat.isDirectory() ? "directory" : "other" };
    at = posix.resolve(splitLast(at).directory, readlinkSync(at));
  }
  throw new Failure("invalid", `too many symlinks in ${JSON.stringify(path)}`);
}

/** The place to write to in the container: one symlink at its end is followed, as Docker's client does. */
async function containerTarget(store: Store, record: ContainerRecord, target: string): Promise<CopyTarget> {
  const path = spelledLike(target, posix.join("/", target));
  const stat = await statIfThere(store, record, path);
  if (stat?.kind !== "symlink") return targetOf(path, stat);
  const to = posix.resolve(splitLast(path).directory, stat.linkTarget);
  return targetOf(to, await statIfThere(store, record, to));
}

function targetOf(path: string, stat: { readonly kind: string } | undefined): CopyTarget {
  if (stat === undefined) return { path, kind: "missing" };
  return { path, kind: stat.kind === "directory" ? "directory" : "other" };
}

/** What is wrong with the way there shows when the archive is unpacked. */
async function statIfThere(store: Store, record: ContainerRecord, path: string) {
  try {
    return await statPath(store, record, path);
  } catch (error) {
    if (isFailure(error, "not-found") || isFailure(error, "invalid")) return undefined;
    throw error;
  }
}

function localFailure(action: string, path: string, error: unknown): Failure {
  switch ((error as NodeJS.ErrnoException).code) {
    case "ENOENT":
      return new Failure("not-found", `${action} ${path}: no such file or directory`, { cause: error });
    case "ENOTDIR":
      return new Failure("invalid", `${action} ${path}: not a directory`, { cause: error });
    default:
      return new Failure("denied", `${action} ${path}: ${(error as Error).message}`, { cause: error });
  }
}

/** The archive with its top name changed. */
function renameTop(tar: ByteSource, from: string, to: string): ByteSource {
  // What the root holds has no slash more than the root.
  const [old, fresh] = [fromText(from.replace(/^\/$/, "")), fromText(to)];
  const rename = (path: string): string => {
    const rest = path.slice(old.length);
    return rest === "" || rest.startsWith("/") ? posix.normalize(`${fresh}${rest}`) : path;
  };
  async function* entries(): AsyncGenerator<PackedEntry, void, undefined> {
    for await (const { entry, body } of readTar(tar)) {
      const path = rename(entry.path);
      // The content of a directory goes into one that is there already and keeps its attributes.
      if (path === "./" || path === ".") continue;
      const linkPath = entry.type === "hardlink" ? rename(entry.linkPath) : entry.linkPath;
      yield entry.type === "file"
        ? { entry: { ...entry, path, linkPath }, body }
        : { entry: { ...entry, path, linkPath } };
    }
  }
  return packTar(entries(), { nanoseconds: true });
}
