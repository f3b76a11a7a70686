/**
 * Looking names up through a stack of overlay layers as the kernel does (overlayfs.rst: "whiteouts and opaque
 * directories", "redirect_dir", "Metadata only copy up"). For directories that were renamed with a redirect, and for
 * files of which only the attributes were copied up: their content lies somewhere below.
 */
import type { ByteString } from "../byte_string.ts";
import { Failure } from "../errors.ts";
import * as sys from "../sys/index.ts";
import type { Place } from "./diff_item.ts";
import { shown } from "./layer_path.ts";

/** One layer's part of a merged directory. */
export interface Branch {
  /** Open for reading. */
  readonly fd: number;
  /** Place of its layer in the stack, 0 for the uppermost. */
  readonly layer: number;
}

/** What merges to one directory, uppermost first. */
export type MergedDirectory = readonly Branch[];

export type Found =
  | {
      readonly kind: "directory";
      readonly stat: sys.Stat;
      readonly place: Place;
      readonly branches: MergedDirectory;
    }
  | { readonly kind: "other"; readonly stat: sys.Stat; readonly place: Place; readonly content: Place };

const directoryFlags = sys.O_RDONLY | sys.O_DIRECTORY | sys.O_NOFOLLOW;

/** Layer directories on top of each other, and what was opened in them. */
export class OverlayStack implements Disposable {
  readonly root: MergedDirectory;
  /** Begin of the attributes that overlayfs keeps. */
  readonly prefix: "trusted.overlay." | "user.overlay.";
  readonly #fds: number[] = [];

  /** @param layers uppermost first @throws SysError if one cannot be opened */
  constructor(layers: readonly ByteString[], style: "overlay" | "overlay-user") {
    this.prefix = style === "overlay" ? "trusted.overlay." : "user.overlay.";
    try {
      this.root = layers.map((path, layer) => ({ fd: this.open(sys.AT_FDCWD, path), layer }));
    } catch (error) {
      this[Symbol.dispose]();
      throw error;
    }
  }

  [Symbol.dispose](): void {
    this.release(0);
  }

  /** How much is open: give it to {@link release} to close all that was opened since. */
  get mark(): number {
    return this.#fds.length;
  }

  release(mark: number): void {
    for (const fd of this.#fds.splice(mark)) sys.close(fd);
  }

  /** Opens a directory for reading, until {@link release}. */
  open(dirfd: number, name: ByteString): number {
    const fd = sys.openAt(dirfd, name, directoryFlags);
    this.#fds.push(fd);
    return fd;
  }

  isWhiteout({ fd, name }: Place, stat: sys.Stat): boolean {
    const kind = stat.mode & sys.S_IFMT;
    if (kind === sys.S_IFCHR) return stat.rdevMajor === 0 && stat.rdevMinor === 0;
    // Nested overlays spell it as an attribute of an empty file (since Linux 6.7).
    if (kind !== sys.S_IFREG || stat.size > 0) return false;
    return sys.getXattrAt(fd, name, `${this.prefix}whiteout`) !== undefined;
  }

  isOpaque(fd: number): boolean {
    return text(sys.getXattr(fd, `${this.prefix}opaque`)) === "y";
  }

  /** The merged view's `name` in `directory`. */
  lookup(directory: MergedDirectory, name: ByteString): Found | undefined {
    const branches: Branch[] = [];
    let first: { readonly stat: sys.Stat; readonly place: Place } | undefined;
    let search: Search = { rest: directory, name };
    for (let branch = search.rest[0]; branch !== undefined; branch = search.rest[0]) {
      const place = { fd: branch.fd, name: search.name };
      search = { rest: search.rest.slice(1), name: search.name };
      const stat = sys.statAtIfExists(place.fd, place.name);
      if (stat === undefined) continue;
      if (this.isWhiteout(place, stat)) break;
      if ((stat.mode & sys.S_IFMT) !== sys.S_IFDIR) {
        if (first !== undefined) break;
        return { kind: "other", stat, place, content: this.#contentOf(place, branch.layer, search) };
      }
      first ??= { stat, place };
      const fd = this.open(place.fd, place.name);
      branches.push({ fd, layer: branch.layer });
      if (this.isOpaque(fd)) break;
      search = this.#redirected(place, branch.layer, search);
    }
    return first === undefined ? undefined : { kind: "directory", ...first, branches };
  }

  /** The content of a metacopy: the first file further down that has any. */
  #contentOf(place: Place, layer: number, search: Search): Place {
    if (sys.getXattrAt(place.fd, place.name, `${this.prefix}metacopy`) === undefined) return place;
    return this.contentBelow(place, layer, search.rest, search.name);
  }

  /**
   * The content of the metacopy at `place` in the layers below.
   * @param rest the lower part of its directory @throws Failure("corrupt") if there is none
   */
  contentBelow(place: Place, layer: number, rest: MergedDirectory, name: ByteString): Place {
    const { rest: below, name: there } = this.#redirected(place, layer, { rest, name });
    const found = this.lookup(below, there);
    if (found?.kind !== "other" || (found.stat.mode & sys.S_IFMT) !== sys.S_IFREG) {
      throw new Failure(
        "corrupt",
        `the content of ${shown(name)}, a copy of attributes only, is in no layer below`,
      );
    }
    return found.content;
  }

  /** The lower part of the directory at `place` in `layer`, whose own directory's lower part is `rest`. */
  branchesBelow(place: Place, layer: number, rest: MergedDirectory, name: ByteString): MergedDirectory {
    const search = this.#redirected(place, layer, { rest, name });
    const found = this.lookup(search.rest, search.name);
    return found?.kind === "directory" ? found.branches : [];
  }

  /** A redirect is a name in the same directory, or a path from the root of all layers below. */
  #redirected(place: Place, layer: number, search: Search): Search {
    const redirect = text(sys.getXattrAt(place.fd, place.name, `${this.prefix}redirect`));
    if (redirect === undefined) return search;
    if (!redirect.startsWith("/")) return { rest: search.rest, name: redirect };
    const parts = redirect.split("/").filter((part) => part !== "");
    let at: MergedDirectory = this.root.filter((branch) => branch.layer > layer);
    for (const part of parts.slice(0, -1)) {
      const found = this.lookup(at, part);
      at = found?.kind === "directory" ? found.branches : [];
    }
    return { rest: at, name: parts.at(-1) ?? "." };
  }
}

interface Search {
  readonly rest: MergedDirectory;
  readonly name: ByteString;
}

function text(value: Uint8Array | undefined): ByteString | undefined {
  return value === undefined ? undefined : Buffer.from(value).toString("latin1");
}
