/** A layer tar as a branch: names and attributes without contents. */
import { type ByteString, toText } from "../byte_string.ts";
import { Failure } from "../errors.ts";
import type { TarEntry } from "../tar/index.ts";
import type { Branch, DirectoryEntry, NodeStat } from "../union/index.ts";

interface Node {
  stat: NodeStat;
  readonly target: ByteString;
  readonly xattrs: ReadonlyMap<ByteString, Uint8Array>;
  readonly children: Map<ByteString, Node>;
}

const none: ReadonlyMap<ByteString, Uint8Array> = new Map();

/** MAXSYMLINKS of the kernel: more on one way lead in a circle. */
const maximumLinks = 40;

/**
 * Takes a layer's entries in their order. Paths are those inside the layer: `..` stops at its root, and symlinks on the
 * way that the layer itself has are followed, as when it is unpacked (behaviours B013).
 */
export class LayerIndex implements Branch {
  readonly spelling = "files";
  #inodes = 0;
  readonly #root = this.#make("directory", 0o755);

  /** @throws Failure("invalid") for an entry that cannot be unpacked either: below a file, or a link to nothing */
  add(entry: TarEntry): void {
    const path = tidy(entry.path);
    const name = path.pop();
    if (name === undefined) return;
    const parent = this.#directory(path, entry.path);
    if (entry.type === "hardlink") {
      parent.children.set(name, this.#linked(entry));
      return;
    }
    const before = parent.children.get(name);
    const node = this.#nodeOf(entry);
    // Its attributes come again; what was put into it stays.
    if (entry.type === "directory" && before?.stat.kind === "directory") before.stat = node.stat;
    else parent.children.set(name, node);
  }

  stat(path: ByteString): NodeStat | undefined {
    return this.#find(path)?.stat;
  }

  list(path: ByteString): DirectoryEntry[] {
    const children = this.#find(path)?.children ?? [];
    return [...children].map(([name, { stat }]) => ({ name, kind: stat.kind }));
  }

  /** @throws Failure("unsupported") always: contents are not kept */
  read(path: ByteString): Uint8Array {
    throw new Failure("unsupported", `the content of /${toText(path)} is not kept in an index of its layer`);
  }

  readLink(path: ByteString): ByteString {
    return this.#find(path)?.target ?? "";
  }

  xattrs(path: ByteString): ReadonlyMap<ByteString, Uint8Array> {
    return this.#find(path)?.xattrs ?? none;
  }

  #find(path: ByteString): Node | undefined {
    let node: Node | undefined = this.#root;
    if (path !== "") for (const name of path.split("/")) node = node?.children.get(name);
    return node;
  }

  /** The directory at `path`, made where it is missing. */
  #directory(path: readonly ByteString[], entry: ByteString): Node {
    const trail = [this.#root];
    const pending = [...path];
    let links = 0;
    for (let name = pending.shift(); name !== undefined; name = pending.shift()) {
      const here = trail.at(-1) as Node;
      if (name === "..") {
        if (trail.length > 1) trail.pop();
        continue;
      }
      let child = here.children.get(name);
      if (child === undefined) here.children.set(name, (child = this.#make("directory", 0o755)));
      if (child.stat.kind === "directory") trail.push(child);
      else if (child.stat.kind === "symlink" && ++links <= maximumLinks) {
        if (child.target.startsWith("/")) trail.length = 1;
        pending.unshift(...child.target.split("/").filter((part) => part !== "" && part !== "."));
      } else throw new Failure("invalid", `layer has ${quoted(entry)} below what is no directory`);
    }
    return trail.at(-1) as Node;
  }

  #linked({ path, linkPath }: TarEntry): Node {
    const target = tidy(linkPath);
    const name = target.pop() ?? "";
    const node = this.#directory(target, path).children.get(name);
    if (node === undefined || node.stat.kind === "directory") {
      throw new Failure(
        "invalid",
        `layer links ${quoted(path)} to ${quoted(linkPath)}, which is no file in it`,
      );
    }
    node.stat = { ...node.stat, nlink: node.stat.nlink + 1 };
    return node;
  }

  #make(kind: NodeStat["kind"], mode: number): Node {
    const rest = { uid: 0, gid: 0, size: 0, nlink: 1, rdevMajor: 0, rdevMinor: 0, mtime: 0, mtimeNs: 0 };
    const stat = { ...rest, kind, mode, ino: ++this.#inodes };
    return { stat, target: "", xattrs: none, children: new Map() };
  }

  #nodeOf(entry: TarEntry): Node {
    const { type, mode, uid, gid, mtime, mtimeNs, devMajor, devMinor, linkPath, xattrs = none } = entry;
    const kind = type === "hardlink" ? "file" : type;
    const made = this.#make(kind, mode);
    const size = kind === "symlink" ? linkPath.length : entry.size;
    const stat = { ...made.stat, uid, gid, mtime, mtimeNs, size, rdevMajor: devMajor, rdevMinor: devMinor };
    return { ...made, stat, target: linkPath, xattrs };
  }
}

function tidy(path: ByteString): ByteString[] {
  const parts: ByteString[] = [];
  for (const part of path.split("/")) {
    if (part === "..") parts.pop();
    else if (part !== "" && part !== ".") parts.push(part);
  }
  return parts;
}

function quoted(path: ByteString): string {
  return JSON.stringify(toText(path));
}
