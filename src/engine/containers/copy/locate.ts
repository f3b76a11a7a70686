/**
 * Where a path of a container's lies on this machine: in its root filesystem, or in a volume, an image or host directory
 * that is mounted there. Nothing is mounted for that; the way is walked name by name, as the container would see it.
 */
import { realpathSync } from "node:fs";
import { basename, dirname, normalize } from "node:path/posix";
import { fromText, toText } from "../../../byte_string.ts";
import { Failure } from "../../../errors.ts";
import type { Store } from "../../../store/index.ts";
import * as sys from "../../../sys/index.ts";
import { volumeData } from "../../volumes/volume_folder.ts";
import type { MountPoint } from "../record.ts";
import { asContent, asDirectory } from "./path_words.ts";

export interface Located {
  /** Nothing outside of it is meant. */
  readonly root: string;
  /** Below it, absolute; symlinks on the way are followed, its spelling says what it said before (`a/`, `a/.`). */
  readonly path: string;
  /** Whether that root is not the container's own. */
  readonly isMounted: boolean;
  /** Whether it lies in a mount that may not be written to. */
  readonly readOnly: boolean;
  /** The same place as the container names it, without symlinks. */
  readonly at: string;
  /** What is mounted below it. */
  readonly nested: readonly NestedMount[];
}

export interface NestedMount {
  /** In the container, absolute and without symlinks. */
  readonly at: string;
  readonly root: string;
  /** Below that root. */
  readonly inside: string;
  readonly readOnly: boolean;
}

interface Mounted {
  readonly root: string;
  /** Names from there to what is mounted. */
  readonly inside: readonly string[];
  readonly readOnly: boolean;
}

/**
 * @param points with an image's whole tree as its source
 * @throws Failure("invalid") for symlinks without end
 */
export function locate(
  store: Store,
  rootfs: string,
  points: Readonly<Record<string, MountPoint>>,
  path: string,
): Located {
  const wanted = Object.values(points).filter(({ Type }) => Type !== "tmpfs");
  if (wanted.length === 0)
    return { root: rootfs, path, isMounted: false, readOnly: false, at: path, nested: [] };
  const way = new Way(rootfs);
  const depth = ({ Destination }: MountPoint): number => Destination.split("/").length;
  for (const point of wanted.toSorted((a, b) => depth(a) - depth(b))) {
    way.mount(way.walk(point.Destination, true), mountedBy(store, point));
  }
  const names = way.walk(path, asDirectory(path));
  const { names: below, ...found } = way.placeOf(names);
  const place = { ...found, at: `/${names.join("/")}`, nested: way.below(names) };
  const ending = asContent(path) ? "/." : path.endsWith("/") ? "/" : "";
  const isWhole = below.length === 0 && names.length > 0 && ending === "";
  // What is mounted itself goes by its name in the directory that holds it.
  if (isWhole) return { ...place, root: dirname(place.root), path: `/${basename(place.root)}` };
  return { ...place, path: `/${below.join("/")}${below.length > 0 ? ending : ending.replace("/", "")}` };
}

function mountedBy(store: Store, { Type, Name, Source, RW, Spec }: MountPoint): Mounted {
  const inside = (subpath = "."): string[] =>
    normalize(subpath)
      .split("/")
      .filter((name) => name !== "." && name !== "");
  if (Type === "volume")
    return {
      root: volumeData(store, Name),
      inside: inside(Spec?.VolumeOptions?.Subpath),
      readOnly: !RW,
    };
  if (Type === "image") return { root: Source, inside: inside(Spec?.ImageOptions?.Subpath), readOnly: true };
  let root = Source;
  try {
    root = realpathSync(Source);
  } catch {
    // What is not there is told by whoever looks for something in it.
  }
  return { root, inside: [], readOnly: !RW };
}

/** As the kernel's limit, path_resolution(7). */
const mostLinks = 40;

/** Names from the container's root; paths in it that have no symlink are lists of names. */
class Way {
  readonly #rootfs: string;
  readonly #mounts = new Map<string, Mounted>();

  constructor(rootfs: string) {
    this.#rootfs = rootfs;
  }

  mount(names: readonly string[], mounted: Mounted): void {
    this.#mounts.set(names.join("/"), mounted);
  }

  /** @returns the way without symlinks; what is not there stays as it is written */
  walk(path: string, followLast: boolean): string[] {
    const todo = path.split("/");
    let at: string[] = [];
    for (let links = 0; todo.length > 0;) {
      const name = todo.shift() as string;
      if (name === "" || name === ".") continue;
      if (name === "..") {
        at.pop();
        continue;
      }
      const link = todo.length > 0 || followLast ? this.#linkAt(at, name) : undefined;
      if (link === undefined) {
        at.push(name);
        continue;
      }
      if (++links > mostLinks) throw new Failure("invalid", `${path}: too many levels of symbolic links`);
      if (link.startsWith("/")) at = [];
      todo.unshift(...link.split("/"));
    }
    return at;
  }

  below(names: readonly string[]): NestedMount[] {
    const above = names.map((name) => `${name}/`).join("");
    return [...this.#mounts]
      .filter(([at]) => at.startsWith(above))
      .map(([at, { root, inside, readOnly }]) => ({
        at: `/${at}`,
        root,
        inside: `/${inside.join("/")}`,
        readOnly,
      }));
  }

  placeOf(
    names: readonly string[],
  ): Omit<Located, "path" | "at" | "nested"> & { readonly names: readonly string[] } {
    for (let length = names.length; length >= 0; length--) {
      const mounted = this.#mounts.get(names.slice(0, length).join("/"));
      if (mounted === undefined) continue;
      const { root, inside, readOnly } = mounted;
      return { root, names: [...inside, ...names.slice(length)], isMounted: true, readOnly };
    }
    return { root: this.#rootfs, names, isMounted: false, readOnly: false };
  }

  /** The target of a symlink; undefined: it is none, or covered by a mount. */
  #linkAt(at: readonly string[], name: string): string | undefined {
    if (this.#mounts.has([...at, name].join("/"))) return undefined;
    const { root, names } = this.placeOf(at);
    try {
      const rootFd = sys.openAt(sys.AT_FDCWD, fromText(root), sys.O_PATH | sys.O_DIRECTORY);
      try {
        return readLink(rootFd, names, name);
      } finally {
        sys.close(rootFd);
      }
    } catch (error) {
      if (sys.isNowhere(error)) return undefined;
      throw error;
    }
  }
}

function readLink(rootFd: number, names: readonly string[], name: string): string | undefined {
  const path = names.length === 0 ? "." : names.join("/");
  const parent = sys.openBeneath(rootFd, fromText(path), sys.O_PATH | sys.O_DIRECTORY);
  try {
    const stat = sys.statAtIfExists(parent, fromText(name));
    if (stat === undefined || (stat.mode & sys.S_IFMT) !== sys.S_IFLNK) return undefined;
    return toText(sys.readlinkAt(parent, fromText(name)));
  } finally {
    sys.close(parent);
  }
}
