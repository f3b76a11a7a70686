/** The files of an image, or of a stage of a build. */
import type { ByteString } from "../../byte_string.ts";
import { openLayersView, recordedTree } from "../../image/index.ts";
import type { Store, StoredLayer } from "../../store/index.ts";
import { isUnionError, type NodeStat, type ReadView, TreeBranch } from "../../union/index.ts";
import { BranchSource, type Files } from "./branch_source.ts";
import type { SourceTree } from "./types.ts";

export interface LayersSourceOptions {
  readonly name: string;
  readonly signal?: AbortSignal;
}

/**
 * Owners and permissions are those of the layers, also where an ordinary user could not unpack them so.
 * @param layers bottom first
 * @throws Failure("corrupt") for a damaged layer; SysError if a directory of the driver is gone
 */
export async function openLayersSource(
  store: Store,
  layers: readonly StoredLayer[],
  options: LayersSourceOptions,
): Promise<SourceTree> {
  using opened = new DisposableStack();
  const { view, isInexact } = opened.use(openLayersView(store, layers));
  const signal = options.signal ?? new AbortController().signal;
  const contents = new ViewFiles(view);
  const files = isInexact
    ? withContents(opened.use(new TreeBranch(await recordedTree(store, layers, signal), [])), contents)
    : contents;
  return new BranchSource(options.name, files, opened.move());
}

function withContents(attributes: Files, contents: Files): Files {
  return {
    stat: (path) => attributes.stat(path),
    list: (path) => attributes.list(path),
    readLink: (path) => attributes.readLink(path),
    xattrs: (path) => attributes.xattrs(path),
    read: (path, offset, length) => contents.read(path, offset, length),
  };
}

/** A view follows symlinks on the way; here they end it. Callers ask for what is there only. */
class ViewFiles implements Files {
  readonly #view: ReadView;

  constructor(view: ReadView) {
    this.#view = view;
  }

  stat(path: ByteString): NodeStat | undefined {
    try {
      const origin = this.#view.lookup(path);
      return origin?.path === path ? origin.stat : undefined;
    } catch (error) {
      // Of a symlink on the way.
      if (isUnionError(error, "ELOOP", "ENAMETOOLONG")) return undefined;
      throw error;
    }
  }

  list(path: ByteString): ReturnType<Files["list"]> {
    return this.#view.readdir(path);
  }

  read(path: ByteString, offset: number, length: number): Uint8Array {
    return this.#view.read(path, offset, length);
  }

  readLink(path: ByteString): ByteString {
    return this.#view.readLink(path);
  }

  xattrs(path: ByteString): ReadonlyMap<ByteString, Uint8Array> {
    return this.#view.xattrs(path, { follow: false });
  }
}
