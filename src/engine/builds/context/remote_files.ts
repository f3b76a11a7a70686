/** Single files out of what lies elsewhere, without a build. */
import { mkdtempDisposable } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fromText } from "../../../byte_string.ts";
import {
  openDirectorySource,
  openTarSource,
  type SourceStat,
  type SourceTree,
} from "../../../build/index.ts";
import { collect } from "../../../bytes/index.ts";
import { Failure } from "../../../errors.ts";
import { checkoutGit } from "./git_checkout.ts";
import { parseGitReference } from "./git_reference.ts";
import { isArchiveHead, peekSource } from "./peek_source.ts";

/** A git reference, or a URL: the one file of that name, or what is in it where it is an archive to be unpacked. */
export type RemotePlace =
  | { readonly kind: "git"; readonly reference: string }
  | { readonly kind: "url"; readonly url: string; readonly name: string; readonly unpack: boolean };

export type RemoteStat = Pick<SourceStat, "kind" | "mode" | "size" | "mtime">;

/** Symlinks are followed inside only. Undefined: there is nothing. */
export interface RemoteFiles extends AsyncDisposable {
  stat(path: string): RemoteStat | undefined;
  /** Of a file. @throws Failure("limit") for one that is large */
  read(path: string): Uint8Array | undefined;
}

/** Bytes of the largest file that is read: whoever asks wants to know what a build would be. */
const largest = 8 << 20;

/** @throws Failure("not-found"), Failure("unavailable"), Failure("invalid"), Failure("limit") */
export async function openRemoteFiles(place: RemotePlace, signal: AbortSignal): Promise<RemoteFiles> {
  await using open = new AsyncDisposableStack();
  const { path } = open.use(await mkdtempDisposable(join(tmpdir(), "varve-remote-")));
  if (place.kind === "git") {
    const reference = parseGitReference(place.reference);
    if (reference === undefined) throw new Failure("invalid", `${place.reference} is no git reference`);
    const { directory } = open.use(await checkoutGit(reference, { temporaryDirectory: path, signal }));
    return filesOf(open.use(openDirectorySource(directory)), open.move());
  }
  const { fetchUrl } = await import("../../../remote/index.ts");
  const { content } = await fetchUrl(place.url, { signal });
  const { first, whole } = await peekSource(content);
  if (!place.unpack || !isArchiveHead(first)) return oneFile(place.name, await collect(whole, largest));
  return filesOf(open.use(await openTarSource(whole, { directory: path, signal })), open.move());
}

function oneFile(name: string, bytes: Uint8Array): RemoteFiles {
  const isIt = (path: string): boolean => path.replace(/^\.?\/+/, "") === name;
  return {
    stat: (path) => (isIt(path) ? { kind: "file", mode: 0o600, size: bytes.length, mtime: 0 } : undefined),
    read: (path) => (isIt(path) ? bytes : undefined),
    [Symbol.asyncDispose]: async () => undefined,
  };
}

function filesOf(tree: SourceTree, open: AsyncDisposableStack): RemoteFiles {
  const find = (path: string) => {
    const found = tree.resolve(fromText(path.replace(/^\.?\/+/, "")));
    const stat = found === undefined ? undefined : tree.stat(found);
    return found === undefined || stat === undefined ? undefined : { found, stat };
  };
  return {
    stat: (path) => find(path)?.stat,
    read: (path) => {
      const { found, stat } = find(path) ?? {};
      if (found === undefined || stat?.kind !== "file") return undefined;
      if (stat.size > largest) throw new Failure("limit", `${path} has ${stat.size} bytes, over ${largest}`);
      return tree.read(found);
    },
    [Symbol.asyncDispose]: () => open.disposeAsync(),
  };
}
