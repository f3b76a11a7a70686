/** What is in a stored image: its files and directories, read without container or mount. */
import { type ByteString, fromText } from "../byte_string.ts";
import { throwIfCancelled } from "../bytes/index.ts";
import { Failure } from "../errors.ts";
import type { DiffId } from "../oci/index.ts";
import type { Store, StoredImage } from "../store/index.ts";
import type { NodeKind } from "../union/index.ts";
import { openImageView } from "./open_image_view.ts";

export interface ReadImageOptions {
  readonly signal: AbortSignal;
  /** Bytes of the largest file that is read into memory (default 256 MiB). */
  readonly limit?: number;
}

const defaultLimit = 256 << 20;

/**
 * The content of the file at `path` (from the image's root; symlinks are followed, inside the image only). Throws
 * `Failure("not-found")`, `Failure("invalid")` for what is no file, `Failure("limit")` for one that is too large.
 */
export async function readImageFile(
  store: Store,
  image: StoredImage,
  path: string,
  options: ReadImageOptions,
): Promise<Uint8Array> {
  const { signal, limit = defaultLimit } = options;
  throwIfCancelled(signal);
  using tree = await openImageView(store, image);
  throwIfCancelled(signal);
  const { size } = tree.view.stat(fromText(path));
  if (size > limit) {
    throw new Failure("limit", `${path} of image ${image.id} has ${size} bytes, over ${limit}`, {
      hint: "a larger `limit` reads it all the same; `varve export` streams files of any size",
    });
  }
  return tree.view.read(fromText(path));
}

/** As it was unpacked: where an ordinary user did that (vfs), all is owned by him. */
export interface ImageEntry {
  readonly name: ByteString;
  readonly kind: NodeKind;
  /** Permission bits with set-id and sticky bits. */
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  /** Bytes. */
  readonly size: number;
  /** Seconds since 1970. */
  readonly mtime: number;
  /** What a symlink says. */
  readonly target?: ByteString;
  /** Which layer it comes from; undefined where the driver keeps whole copies, and nobody knows. */
  readonly layer?: DiffId;
}

/**
 * The directory at `path` with all its names, sorted by bytes; for anything else that one thing. Throws
 * `Failure("not-found")`, `Failure("invalid")` for a way that leads through a file.
 */
export async function listImage(
  store: Store,
  image: StoredImage,
  path: string,
  options: { readonly signal: AbortSignal },
): Promise<ImageEntry[]> {
  throwIfCancelled(options.signal);
  using tree = await openImageView(store, image);
  throwIfCancelled(options.signal);
  const { view } = tree;
  const start = fromText(path);
  view.stat(start, { follow: false });
  const diffIds = tree.isWholeCopy ? [] : (image.config.rootfs.diff_ids ?? []).toReversed();
  const describe = (at: ByteString, name: ByteString): ImageEntry => {
    const { stat, layers } = view.lookup(at) as NonNullable<ReturnType<typeof view.lookup>>;
    const { kind, mode, uid, gid, size, mtime } = stat;
    const target = kind === "symlink" ? { target: view.readLink(at) } : {};
    const layer = diffIds[layers[0] as number];
    return { name, kind, mode, uid, gid, size, mtime, ...target, ...(layer !== undefined && { layer }) };
  };
  const directory = view.lookup(start, { follow: true });
  if (directory?.stat.kind !== "directory") return [describe(start, start.slice(start.lastIndexOf("/") + 1))];
  return view.readdir(start).map(({ name }) => describe(`${directory.path}/${name}`, name));
}
