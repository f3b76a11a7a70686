/** Unpacks a tar into a directory that is there, over what is there (moby, archive.Untar with NoOverwriteDirNonDir). */
import { posix } from "node:path";
import { setImmediate } from "node:timers/promises";
import { fromText, toText, type ByteString } from "../../../byte_string.ts";
import { decompress, throwIfCancelled, type ByteSource } from "../../../bytes/index.ts";
import { Failure, isFailure } from "../../../errors.ts";
import type { LayerApplier } from "../../../layer/index.ts";
import * as sys from "../../../sys/index.ts";
import { TarParser, type TarEntry } from "../../../tar/index.ts";
import type { NestedMount } from "./locate.ts";
import { UnpackTargets, type UnpackTarget } from "./unpack_targets.ts";

export interface Owner {
  readonly uid: number;
  readonly gid: number;
}

/** Whoever runs this program. */
export const caller = (): Owner => ({ uid: sys.geteuid(), gid: process.getegid?.() ?? 0 });

export interface UnpackOptions {
  readonly signal: AbortSignal;
  /** Whose everything is to be, if not its own owner's. */
  readonly owner?: Owner;
  /** Whether files may take the place of directories, and the other way round (default: neither). */
  readonly replace?: boolean;
  /** What messages, and the places of mounts, call the directory (default: its path below the root). */
  readonly at?: string;
  /** What is mounted below it: what the archive has there goes into the mount. */
  readonly nested?: readonly NestedMount[];
}

/** Milliseconds for which nobody else is served, and bytes of the archive between two looks at the clock. */
const slice = 10;
const pieceSize = 16 << 10;

/**
 * @param root nothing outside of it is touched @param directory below the root, absolute @param tar may be compressed
 * Throws `Failure("conflict")` in Docker's words rather than put a directory in the place of a file or the other way
 * round, or a file in that of a mount; `Failure("unsupported")` for names that layers cannot hold; as
 * {@link UnpackTargets.of}.
 */
export async function unpackInto(
  root: string,
  directory: string,
  tar: ByteSource,
  options: UnpackOptions,
): Promise<void> {
  const { owner, replace = false, at = directory, nested = [] } = options;
  using targets = new UnpackTargets(root, directory, at, nested);
  let applier: LayerApplier;
  const parser = new TarParser({
    entry: (entry) => {
      const name = nameIn(at, entry.path);
      refuseWhiteout(name);
      const target = targets.of(name, entry.type === "directory");
      const there = {
        ...entry,
        ...owner,
        path: target.path(name),
        linkPath: linkIn(at, entry, target, targets),
      };
      applier = target.applier;
      if (!replace) refuseReplacement(applier.rootFd, there, name, at);
      applier.entry(there);
    },
    data: (chunk, offset) => applier.data(chunk, offset),
    endEntry: () => applier.endEntry(),
  });
  let pause = performance.now() + slice;
  for await (const chunk of decompress(tar)) {
    for (let at = 0; at < chunk.length; at += pieceSize) {
      throwIfCancelled(options.signal);
      parser.write(chunk.subarray(at, at + pieceSize));
      if (performance.now() < pause) continue;
      // What has come already does not let the event loop turn.
      await setImmediate();
      pause = performance.now() + slice;
    }
  }
  parser.end();
  targets.finish();
}

/** Of an entry, as the container has it. */
function nameIn(at: string, path: ByteString): ByteString {
  return posix.join("/", fromText(at), posix.join("/", path));
}

/** A name that a layer would read as a whiteout is refused rather than obeyed. */
function refuseWhiteout(name: ByteString): void {
  if (!posix.basename(name).startsWith(".wh.")) return;
  throw new Failure(
    "unsupported",
    `cannot copy ${toText(name)}: names that begin with .wh. mean deletion in layers`,
  );
}

function linkIn(at: string, entry: TarEntry, target: UnpackTarget, targets: UnpackTargets): ByteString {
  if (entry.type !== "hardlink") return entry.linkPath;
  const name = nameIn(at, entry.linkPath);
  if (targets.of(name, false) === target) return target.path(name);
  const [from, to] = [name, nameIn(at, entry.path)].map((each) => toText(each));
  throw new Failure("invalid", `link ${from} ${to}: invalid cross-device link`);
}

function refuseReplacement(rootFd: number, entry: TarEntry, name: ByteString, directory: string): void {
  const isDirectory = entry.type === "directory";
  const found = kindThere(rootFd, entry.path.replace(/\/$/, ""));
  if (found === undefined || found === (isDirectory ? "directory" : "other")) return;
  const [there, here] = isDirectory ? ["non-directory", "directory"] : ["directory", "non-directory"];
  const [at, into] = [toText(name), posix.join("/", directory)].map((text) =>
    JSON.stringify(text.replace(/(?<=.)\/$/, "")),
  );
  throw new Failure("conflict", `cannot overwrite ${there} ${at} with ${here} ${into}`);
}

function kindThere(rootFd: number, path: ByteString): "directory" | "other" | undefined {
  let parent: number;
  try {
    parent = sys.openIn(rootFd, posix.dirname(path), sys.O_PATH | sys.O_DIRECTORY);
  } catch (error) {
    // What is wrong with the way there the applier says.
    if (isFailure(error)) return undefined;
    throw error;
  }
  try {
    const stat = sys.statAtIfExists(parent, posix.basename(path) || ".");
    if (stat === undefined) return undefined;
    return (stat.mode & sys.S_IFMT) === sys.S_IFDIR ? "directory" : "other";
  } finally {
    sys.close(parent);
  }
}
