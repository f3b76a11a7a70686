/**
 * `cp`: which name a copy gets where. The rules are those of `cp -a`, as Docker has them (docker/cli,
 * `docker container cp`): a source `dir/.` means the directory's content; a target that is a directory takes the
 * source below it; a target that does not exist becomes the source's new name.
 */
import { lstatSync, statSync } from "node:fs";
import { posix } from "node:path";
import { fromText } from "../../byte_string.ts";
import type { ByteSource } from "../../bytes/index.ts";
import { Failure, isFailure } from "../../errors.ts";
import type { Store } from "../../store/index.ts";
import { packTar, readTar, type PackedEntry } from "../../tar/index.ts";
import {
  localArchive,
  readArchive,
  statPath,
  unpackLocally,
  writeArchive,
  type ArchiveOptions,
  type PathStat,
} from "./copy.ts";
import type { ContainerRecord } from "./record.ts";

export interface CopyOptions extends ArchiveOptions {
  /** Keep owners (default: what is copied out belongs to the caller). */
  readonly archive?: boolean;
  /** Copy what a symlink at the source leads to. */
  readonly followLink?: boolean;
}

type Kind = PathStat["kind"] | "missing";

/** Copies out of the container. Throws in Docker's words when the target does not fit. */
export async function copyOut(
  store: Store,
  record: ContainerRecord,
  source: string,
  target: string,
  options: CopyOptions,
): Promise<void> {
  const from = options.followLink === true ? await followed(store, record, source) : source;
  const { stat, tar } = await readArchive(store, record, contentPath(from), options);
  const plan = planCopy({ path: from, kind: stat.kind }, { path: target, kind: localKind(target) });
  const renamed = renameTop(tar, stat.name, plan.name);
  await unpackLocally(plan.directory, renamed, { ...options, keepOwners: options.archive === true });
}

/** Copies into the container. */
export async function copyIn(
  store: Store,
  source: string,
  record: ContainerRecord,
  target: string,
  options: CopyOptions,
): Promise<void> {
  const kind = localKind(source, options.followLink === true);
  if (kind === "missing") throw new Failure("not-found", `lstat ${source}: no such file or directory`);
  const to = await containerKind(store, record, target);
  const plan = planCopy({ path: source, kind }, { path: target, kind: to });
  if ((await containerKind(store, record, `${plan.directory}/`)) !== "directory") {
    throw new Failure(
      "not-found",
      `Could not find the directory ${plan.directory} in container ${record.Name.slice(1)}`,
    );
  }
  const path = contentPath(
    options.followLink === true ? posix.join(source, kind === "directory" ? "/" : "") : source,
  );
  const tar = localArchive(path, options);
  const name = path.endsWith("/") ? "." : posix.basename(path);
  await writeArchive(store, record, plan.directory, renameTop(tar, name, plan.name), options);
}

/** `dir/.` and `dir/` are read as the directory itself. */
function contentPath(path: string): string {
  return path.endsWith("/.") ? path.slice(0, -1) : path;
}

interface End {
  readonly path: string;
  readonly kind: Kind;
}

/** Where to unpack, and under which name; `.` means "without the top directory". */
function planCopy(source: End, target: End): { readonly directory: string; readonly name: string } {
  const contentOnly = /(^|\/)\.$/.test(source.path);
  const name = posix.basename(posix.resolve("/", source.path)) || ".";
  if (target.kind === "directory") return { directory: target.path, name: contentOnly ? "." : name };
  const parent = posix.dirname(posix.normalize(target.path).replace(/\/$/, ""));
  const renamed = posix.basename(posix.normalize(target.path));
  if (target.kind === "missing") {
    if (source.kind !== "directory" && target.path.endsWith("/")) {
      throw new Failure("not-found", `no such directory: ${target.path}`);
    }
    return { directory: parent, name: renamed };
  }
  if (source.kind === "directory") throw new Failure("invalid", "cannot copy directory");
  if (target.path.endsWith("/")) throw new Failure("invalid", "not a directory");
  return { directory: parent, name: renamed };
}

/** The archive with its top name changed. */
function renameTop(tar: ByteSource, from: string, to: string): ByteSource {
  const [old, fresh] = [fromText(from), fromText(to)];
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

function localKind(path: string, follow = true): Kind {
  try {
    const stat = follow ? statSync(path) : lstatSync(path);
    return stat.isDirectory()
      ? "directory"
      : stat.isFile()
        ? "file"
        : stat.isSymbolicLink()
          ? "symlink"
          : "other";
  } catch (error) {
    if (["ENOENT", "ENOTDIR"].includes((error as NodeJS.ErrnoException).code ?? "")) return "missing";
    throw error;
  }
}

/** What the path leads to in the container, links followed. */
async function containerKind(store: Store, record: ContainerRecord, path: string): Promise<Kind> {
  try {
    const stat = await statPath(store, record, path);
    if (stat.kind !== "symlink") return stat.kind;
    const target = posix.resolve(posix.dirname(posix.resolve("/", path)), stat.linkTarget);
    return (await statPath(store, record, target)).kind;
  } catch (error) {
    if (isFailure(error, "not-found")) return "missing";
    throw error;
  }
}

const maxLinks = 40;

async function followed(store: Store, record: ContainerRecord, path: string): Promise<string> {
  let at = path;
  for (let hops = 0; hops < maxLinks; hops++) {
    const stat = await statPath(store, record, at);
    if (stat.kind !== "symlink") return at;
    at = posix.resolve(posix.dirname(posix.resolve("/", at)), stat.linkTarget);
  }
  throw new Failure("invalid", `too many levels of symbolic links: ${path}`);
}
