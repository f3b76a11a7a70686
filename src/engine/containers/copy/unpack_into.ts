/** Unpacks a tar into a directory that is there, over what is there (moby, archive.Untar with NoOverwriteDirNonDir). */
import { posix } from "node:path";
import { setImmediate } from "node:timers/promises";
import { fromText, toText, type ByteString } from "../../../byte_string.ts";
import { decompress, throwIfCancelled, type ByteSource } from "../../../bytes/index.ts";
import { ownershipHere } from "../../../driver/index.ts";
import { Failure, isFailure } from "../../../errors.ts";
import { LayerApplier } from "../../../layer/index.ts";
import * as sys from "../../../sys/index.ts";
import { TarParser, type TarEntry } from "../../../tar/index.ts";

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
  /** What messages put in front of paths below the root (default: nothing, as for a container's root). */
  readonly shownRoot?: string;
  /** Paths, as messages show them, of which the files may not be replaced: that would take the mounts there away. */
  readonly mounts?: ReadonlySet<string>;
}

/** Milliseconds for which nobody else is served, and bytes of the archive between two looks at the clock. */
const slice = 10;
const pieceSize = 16 << 10;

/**
 * @param root nothing outside of it is touched @param directory below the root, absolute @param tar may be compressed
 * Throws `Failure("conflict")` in Docker's words rather than put a directory in the place of a file or the other way
 * round; `Failure("unsupported")` for names that layers cannot hold.
 */
export async function unpackInto(
  root: string,
  directory: string,
  tar: ByteSource,
  options: UnpackOptions,
): Promise<void> {
  const inside = fromText(posix.join("/", directory).replace(/^\/|\/$/g, ""));
  const { owner, replace = false } = options;
  using applier = new LayerApplier({ directory: root, whiteouts: "remove", ownership: ownershipHere() });
  const parser = new TarParser({
    entry: (entry) => {
      const there = placed(entry, inside, owner);
      const shown = (path: string): string => posix.join("/", options.shownRoot ?? "", path);
      refuseMounted(there, shown, options.mounts);
      if (!replace) refuseReplacement(applier.rootFd, there, shown, directory);
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
  applier.finish();
}

/** The entry below `inside`. A name that a layer would read as a whiteout is refused rather than obeyed. */
function placed(entry: TarEntry, inside: ByteString, owner: Owner | undefined): TarEntry {
  if (posix.basename(entry.path).startsWith(".wh.")) {
    throw new Failure(
      "unsupported",
      `cannot copy ${toText(entry.path)}: names that begin with .wh. mean deletion in layers`,
    );
  }
  const below = (path: ByteString): ByteString => posix.join(inside, posix.join("/", path));
  const linkPath = entry.type === "hardlink" ? below(entry.linkPath) : entry.linkPath;
  return { ...entry, ...owner, path: below(entry.path), linkPath };
}

function refuseMounted(
  { type, path }: TarEntry,
  shown: (path: string) => string,
  mounts: ReadonlySet<string> | undefined,
): void {
  const at = shown(toText(path));
  if (type === "directory" || mounts?.has(at) !== true) return;
  throw new Failure("conflict", `unlinkat ${at}: device or resource busy`);
}

function refuseReplacement(
  rootFd: number,
  entry: TarEntry,
  shown: (path: string) => string,
  directory: string,
): void {
  const isDirectory = entry.type === "directory";
  const path = entry.path.replace(/\/$/, "");
  const found = kindThere(rootFd, path);
  if (found === undefined || found === (isDirectory ? "directory" : "other")) return;
  const [there, here] = isDirectory ? ["non-directory", "directory"] : ["directory", "non-directory"];
  const [at, into] = [shown(toText(path)), shown(directory)].map((text) =>
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
