/** A layer in the making: what it will hold, seen together with the image below it, without a mount. */
import { type ByteString, toText } from "../byte_string.ts";
import { Failure } from "../errors.ts";
import type { PackedEntry, TarEntry } from "../tar/index.ts";
import type { NodeStat, Origin, ReadView } from "../union/index.ts";
import { bareEntry } from "./bare_entry.ts";
import { nodeOfImage } from "./node_of_image.ts";

/** One file, directory or other thing. Two names with the same node are hard links. */
export interface DraftNode {
  /** {@link LayerDraft.list} fills its path in. */
  readonly entry: TarEntry;
  readonly body?: PackedEntry["body"];
  /** The image has it, and it is listed as it is there. */
  readonly isExisting?: boolean;
}

interface Directory {
  node: DraftNode;
  readonly children: Map<ByteString, Directory | DraftNode>;
  /** What the image has in the directory shows through. */
  readonly inherits: boolean;
  /** The image has a directory here whose content must not show through. */
  readonly isOpaque: boolean;
}

export interface ListedEntry extends PackedEntry {
  readonly node: DraftNode;
}

export interface ResolveOptions {
  /** A directory, without symlinks, that no symlink and no `..` leaves; default: the image's root. */
  readonly scope?: ByteString;
  /** Whether a symlink at the end is followed, too. */
  readonly last: boolean;
}

export interface MadeDirectory {
  /** Permission bits; default 0755. */
  readonly mode?: number;
  readonly uid: number;
  readonly gid: number;
}

type Kind = NodeStat["kind"];

// Linux: PATH_MAX, NAME_MAX; MAXSYMLINKS is 40, Docker follows 255.
const maxPath = 4096;
const maxName = 255;
const maxLinks = 255;

const rootOwner: MadeDirectory = { uid: 0, gid: 0 };
const opaqueMark = ".wh..wh..opq";

/**
 * Paths have no slash at their ends and no `.`, `..` or empty parts; "" is the root. All but `resolve` take them without
 * symlinks on the way. Directories on the way to what is set join the layer with the attributes that they have in the
 * image: without, whoever unpacks the layer would make them anew.
 */
export class LayerDraft {
  readonly #view: ReadView;
  readonly #time: number;
  readonly #root: Directory;
  readonly #seen = new Map<ByteString, Origin | undefined>();

  /** @param time seconds since 1970, of directories that are made */
  constructor(view: ReadView, time: number) {
    this.#view = view;
    this.#time = time;
    this.#root = directory({ entry: bareEntry("", "directory", 0o755, time) }, true);
  }

  /** What is there, of the layer or of the image; a symlink is not followed. */
  kindAt(path: ByteString): Kind | undefined {
    const here = this.#find(path);
    if (here === "image") return this.#image(path)?.stat.kind;
    if (here === undefined) return undefined;
    const { type } = nodeOf(here).entry;
    return type === "hardlink" ? "file" : type;
  }

  /** The path that `path` leads to: symlinks on the way followed, whether or not the end is there. */
  resolve(path: ByteString, { scope = "", last }: ResolveOptions): ByteString {
    let pending = partsOf(path).reverse();
    let at = scope;
    for (let links = 0; ;) {
      const name = pending.pop();
      if (name === undefined) return at;
      if (name === "..") {
        if (at !== scope) at = parentOf(at);
        continue;
      }
      const next = join(at, name);
      check(path, next, name);
      const target = pending.length > 0 || last ? this.#symlinkAt(next) : undefined;
      if (target === undefined) {
        at = next;
        continue;
      }
      if (++links > maxLinks)
        throw new Failure("invalid", `${shown(path)}: too many levels of symbolic links`);
      pending = [...pending, ...partsOf(target).reverse()];
      if (target.startsWith("/")) at = scope;
    }
  }

  /**
   * The directory and those above it join the layer; where they are missing, they are made. Throws `Failure("invalid")`
   * where something else is in the way.
   */
  makeDirectories(path: ByteString, made: MadeDirectory = rootOwner): void {
    if (path !== "") this.#enter(path, made);
  }

  /** Puts a directory there, or gives the one that is there these attributes; replaces anything else. */
  setDirectory(path: ByteString, entry: TarEntry): void {
    const [parent, name] = this.#place(path);
    const before = parent.children.get(name);
    if (before !== undefined && "children" in before) {
      before.node = { entry };
      return;
    }
    // Only a directory that the layer has not covered with something else goes on showing what the image has.
    const hasImage = parent.inherits && this.#image(path)?.stat.kind === "directory";
    const inherits = hasImage && before === undefined;
    parent.children.set(name, directory({ entry }, inherits, hasImage && !inherits));
  }

  /** Puts something else there, in the place of whatever is there. */
  set(path: ByteString, node: DraftNode): void {
    const [parent, name] = this.#place(path);
    parent.children.set(name, node);
  }

  /**
   * Gives what is at `target` another name, and returns it. A file of the image joins the layer for that. Throws
   * `Failure("invalid")` if there is nothing, or a directory.
   */
  link(path: ByteString, target: ByteString): DraftNode {
    const here = this.#find(target);
    const node = here === "image" ? this.#adopt(target) : here;
    if (node === undefined || "children" in node) {
      const why = this.kindAt(target) === undefined ? "there is nothing" : "it is a directory";
      throw new Failure("invalid", `cannot link ${shown(path)} to ${shown(target)}: ${why}`);
    }
    if (path !== target) this.set(path, node);
    return node;
  }

  /** All that the layer holds, each directory before what it holds, names by their bytes. */
  *list(): Generator<ListedEntry, void, undefined> {
    const links = new Map<DraftNode, ByteString>();
    for (const [path, node] of listDirectory("", this.#root)) {
      const { entry, body } = node;
      const first = links.get(node);
      if (first === undefined) {
        links.set(node, path);
        entry.path = entry.type === "directory" ? `${path}/` : path;
        yield { entry, ...(body !== undefined && { body }), node };
      } else {
        const link = { type: "hardlink", linkPath: first, size: 0, devMajor: 0, devMinor: 0 } as const;
        yield { entry: { ...entry, ...link, path }, node };
      }
    }
  }

  #place(path: ByteString): [Directory, ByteString] {
    const slash = path.lastIndexOf("/");
    return [slash < 0 ? this.#root : this.#enter(path.slice(0, slash), rootOwner), path.slice(slash + 1)];
  }

  /** The directory at `path`, in the layer from now on. */
  #enter(path: ByteString, made: MadeDirectory): Directory {
    let at = this.#root;
    let end = -1;
    do {
      const start = end + 1;
      end = path.indexOf("/", start);
      const [name, here] = end < 0 ? [path.slice(start), path] : [path.slice(start, end), path.slice(0, end)];
      let next = at.children.get(name);
      if (next === undefined) {
        const found = at.inherits ? this.#image(here) : undefined;
        if (found !== undefined && found.stat.kind !== "directory") notDirectory(here);
        const entry = found === undefined ? this.#made(made) : nodeOfImage(this.#view, found).entry;
        next = directory({ entry, isExisting: found !== undefined }, found !== undefined);
        at.children.set(name, next);
      }
      if (!("children" in next)) return notDirectory(here);
      at = next;
    } while (end >= 0);
    return at;
  }

  #made({ mode = 0o755, uid, gid }: MadeDirectory): TarEntry {
    return { ...bareEntry("", "directory", mode, this.#time), uid, gid };
  }

  /** Lists what the image has at `path`. */
  #adopt(path: ByteString): DraftNode | undefined {
    const found = this.#image(path);
    if (found === undefined || found.stat.kind === "directory") return undefined;
    const node: DraftNode = { ...nodeOfImage(this.#view, found), isExisting: true };
    this.set(path, node);
    return node;
  }

  #symlinkAt(path: ByteString): ByteString | undefined {
    const here = this.#find(path);
    if (here === undefined) return undefined;
    if (here === "image") {
      return this.#image(path)?.stat.kind === "symlink" ? this.#view.readLink(path) : undefined;
    }
    const { type, linkPath } = nodeOf(here).entry;
    return type === "symlink" ? linkPath : undefined;
  }

  /** What the layer has there; `image`: only the image can tell; undefined: there is nothing. */
  #find(path: ByteString): Directory | DraftNode | "image" | undefined {
    let at = this.#root;
    let end = -1;
    if (path === "") return at;
    do {
      const start = end + 1;
      end = path.indexOf("/", start);
      const next = at.children.get(end < 0 ? path.slice(start) : path.slice(start, end));
      if (next === undefined) return at.inherits ? "image" : undefined;
      if (end < 0) return next;
      if (!("children" in next)) return undefined;
      at = next;
    } while (end >= 0);
    return at;
  }

  #image(path: ByteString): Origin | undefined {
    if (!this.#seen.has(path)) this.#seen.set(path, this.#view.lookup(path));
    return this.#seen.get(path);
  }
}

function directory(node: DraftNode, inherits: boolean, isOpaque = false): Directory {
  return { node, children: new Map(), inherits, isOpaque };
}

function nodeOf(here: Directory | DraftNode): DraftNode {
  return "children" in here ? here.node : here;
}

function* listDirectory(
  path: ByteString,
  { node, children, isOpaque }: Directory,
): Generator<[ByteString, DraftNode]> {
  if (isOpaque) {
    // As Docker writes it (behaviours B044).
    const { mode, uid, gid } = node.entry;
    yield [join(path, opaqueMark), { entry: { ...bareEntry("", "file", mode & 0o777, 0), uid, gid } }];
  }
  for (const name of [...children.keys()].sort()) {
    const child = children.get(name) as Directory | DraftNode;
    const at = join(path, name);
    yield [at, nodeOf(child)];
    if ("children" in child) yield* listDirectory(at, child);
  }
}

function check(path: ByteString, next: ByteString, name: ByteString): void {
  if (name.length > maxName || next.length > maxPath) {
    throw new Failure("invalid", `${shown(path.slice(0, 100))}…: file name too long`);
  }
  if (name.includes("\0"))
    throw new Failure("invalid", `${JSON.stringify(toText(path))} is no path of a file`);
}

function notDirectory(path: ByteString): never {
  throw new Failure("invalid", `mkdir ${shown(path)}: not a directory`);
}

function shown(path: ByteString): string {
  return path.startsWith("/") ? toText(path) : `/${toText(path)}`;
}

function partsOf(path: ByteString): ByteString[] {
  return path.split("/").filter((part) => part !== "" && part !== ".");
}

function parentOf(path: ByteString): ByteString {
  return path.slice(0, Math.max(0, path.lastIndexOf("/")));
}

function join(directory: ByteString, name: ByteString): ByteString {
  return directory === "" ? name : `${directory}/${name}`;
}
