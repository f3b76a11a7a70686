/** One union on two machines, the simulator and the kernel: both run the same operations and tell what they see. */
import * as fs from "node:fs";
import { join } from "node:path";
import {
  DirectoryBranch,
  hardLinkLayers,
  isUnionError,
  UnionView,
  type Branch,
  type Dialect,
  type OpenFlags,
} from "../../src/union/index.ts";
import * as sys from "../../src/sys/index.ts";
import { lineOf, memoryBranch, spelledInFiles, treeOfBranch, writeBranch, type Tree } from "./union_trees.ts";

export interface Given {
  /** Uppermost first. */
  readonly lowers: readonly Tree[];
  readonly readOnly?: boolean;
  readonly redirectDir?: boolean;
  readonly metacopy?: boolean;
}

export type Operation =
  | { readonly op: "open"; readonly path: string; readonly flags: OpenFlags; readonly mode?: number }
  | { readonly op: "write" | "append"; readonly path: string; readonly text: string }
  | { readonly op: "truncate"; readonly path: string; readonly size: number }
  | { readonly op: "chmod" | "mkdir"; readonly path: string; readonly mode: number }
  | { readonly op: "chown" | "lchown"; readonly path: string; readonly uid: number; readonly gid: number }
  | { readonly op: "utimes"; readonly path: string; readonly mtime: number }
  | { readonly op: "setxattr"; readonly path: string; readonly name: string; readonly value: string }
  | { readonly op: "removexattr"; readonly path: string; readonly name: string }
  | { readonly op: "link" | "rename"; readonly path: string; readonly to: string }
  | { readonly op: "symlink"; readonly path: string; readonly target: string }
  /** A char device is 0/0. */
  | { readonly op: "mknod"; readonly path: string; readonly kind: "fifo" | "char" }
  | { readonly op: "unlink" | "rmdir" | "read" | "readdir" | "stat" | "commit"; readonly path: string };

export interface Machine extends Disposable {
  /** `ok`, what was read, or the error's code. */
  run(operation: Operation): string;
  /** Every path to a line with all that can be seen of it. */
  merged(): Map<string, string>;
  /** The upper branch likewise, with its marks. */
  upper(): Map<string, string>;
  /** Lower branches as they are by now, uppermost first. */
  lowers(): Map<string, string>[];
}

export type MakeMachine = (given: Given) => Machine;

/** The user-space view. @param branchesOf makes the lower branches, default: each a tree in memory, as the dialect spells it */
export function simulate(
  given: Given,
  dialect: Dialect = "overlay2",
  branchesOf: (lowers: readonly Tree[]) => Branch[] = (lowers) =>
    lowers.map((tree) => memoryBranch(dialect === "aufs" ? spelledInFiles(tree) : tree)),
): Machine {
  const stack = branchesOf(given.lowers);
  let upper = memoryBranch({});
  const { redirectDir = false, metacopy = false, readOnly = false } = given;
  const open = (): UnionView => {
    const lowers = dialect === "overlay" ? hardLinkLayers(stack).slice(0, 1) : stack;
    return new UnionView({ dialect, lowers, redirectDir, metacopy, ...(!readOnly && { upper }) });
  };
  let view = open();
  return {
    run(operation) {
      if (operation.op === "commit") {
        stack.unshift(upper);
        upper = memoryBranch({});
        view = open();
        return "ok";
      }
      try {
        return runOnView(view, operation) ?? "ok";
      } catch (error) {
        if (isUnionError(error)) return error.code;
        throw error;
      }
    },
    merged: () => treeOfView(view),
    upper: () => treeOfBranch(upper),
    lowers: () => stack.map(treeOfBranch),
    [Symbol.dispose]: () => undefined,
  };
}

function treeOfView(view: UnionView): Map<string, string> {
  const lines = new Map<string, string>();
  for (const { path, stat } of view.walk()) {
    const content =
      stat.kind === "file"
        ? Buffer.from(view.read(path)).toString("latin1")
        : stat.kind === "symlink"
          ? view.readLink(path)
          : "";
    lines.set(path, lineOf(stat, view.xattrs(path, { follow: false }), content));
  }
  return lines;
}

function runOnView(view: UnionView, operation: Operation): string | void {
  const { path } = operation;
  switch (operation.op) {
    case "open":
      return void view.open(path, operation.flags, operation.mode);
    case "write":
      return view.write(path, Buffer.from(operation.text));
    case "append":
      return view.open(path, { append: true }).write(Buffer.from(operation.text));
    case "truncate":
      return view.truncate(path, operation.size);
    case "chmod":
      return view.chmod(path, operation.mode);
    case "mkdir":
      return view.mkdir(path, operation.mode);
    case "chown":
    case "lchown":
      return view.chown(path, operation.uid, operation.gid, { follow: operation.op === "chown" });
    case "utimes":
      return view.utimes(path, { mtime: operation.mtime, mtimeNs: 0 });
    case "setxattr":
      return view.setXattr(path, operation.name, Buffer.from(operation.value));
    case "removexattr":
      return view.removeXattr(path, operation.name);
    case "link":
      return view.link(path, operation.to);
    case "rename":
      return view.rename(path, operation.to);
    case "symlink":
      return view.symlink(operation.target, path);
    case "mknod":
      return view.mknod(path, operation.kind);
    case "unlink":
      return view.unlink(path);
    case "rmdir":
      return view.rmdir(path);
    case "read":
      return Buffer.from(view.read(path)).toString("latin1");
    case "readdir":
      return view
        .readdir(path)
        .map(({ name }) => name)
        .join(" ");
    case "stat":
      return view.stat(path).kind;
    case "commit":
      return;
  }
}

let mounts = 0;

/** The kernel's overlayfs on directories in `base`. */
export function mountIn(base: string, given: Given): Machine {
  const { readOnly = false, redirectDir = false, metacopy = false } = given;
  const root = join(base, `union${mounts++}`);
  fs.mkdirSync(root);
  const lowers = given.lowers.map((tree, index) => {
    writeBranch(memoryBranch(tree), join(root, `lower${index}`));
    return `lower${index}`;
  });
  const merged = join(root, "merged");
  fs.mkdirSync(merged);
  let upper = "";
  let uppers = 0;
  const mount = (): void => {
    upper = `upper${uppers++}`;
    writeBranch(memoryBranch({}), join(root, upper));
    fs.mkdirSync(join(root, `${upper}-work`));
    const options = [
      `lowerdir=${lowers.map((name) => join(root, name)).join(":")}`,
      ...(readOnly ? [] : [`upperdir=${join(root, upper)}`, `workdir=${join(root, `${upper}-work`)}`]),
      "index=off,xino=off",
      `redirect_dir=${redirectDir || metacopy ? "on" : "off"}`,
      `metacopy=${metacopy ? "on" : "off"}`,
    ];
    sys.mount("overlay", merged, "overlay", 0, options.join(","));
  };
  mount();
  const tree = (name: string): Map<string, string> => {
    using branch = new DirectoryBranch(join(root, name));
    return treeOfBranch(branch);
  };
  return {
    run(operation) {
      if (operation.op === "commit") {
        sys.unmount(merged);
        lowers.unshift(upper);
        mount();
        return "ok";
      }
      const before = process.umask(0o022);
      try {
        return runOnDirectory(merged, operation) ?? "ok";
      } catch (error) {
        const { code } = error as NodeJS.ErrnoException;
        if (code === undefined) throw error;
        return code;
      } finally {
        process.umask(before);
      }
    },
    merged: () => tree("merged"),
    upper: () => tree(upper),
    lowers: () => lowers.map(tree),
    [Symbol.dispose]: () => {
      sys.unmount(merged);
      sys.removeTree(root);
    },
  };
}

function flagsOf(flags: OpenFlags): number {
  const { O_WRONLY, O_APPEND, O_CREAT, O_EXCL, O_TRUNC, O_DIRECTORY, O_NOFOLLOW } = fs.constants;
  return (
    (flags.write === true || flags.append === true ? O_WRONLY : 0) |
    (flags.append === true ? O_APPEND : 0) |
    (flags.create === true ? O_CREAT : 0) |
    (flags.exclusive === true ? O_EXCL : 0) |
    (flags.truncate === true ? O_TRUNC : 0) |
    (flags.directory === true ? O_DIRECTORY : 0) |
    (flags.noFollow === true ? O_NOFOLLOW : 0)
  );
}

function isFifo(path: string): boolean {
  try {
    return fs.statSync(path).isFIFO();
  } catch {
    return false;
  }
}

/** A FIFO is not waited for: that its other end is missing (ENXIO) is nothing that the union knows. */
function open(path: string, flags: number, mode: number): void {
  const wait = isFifo(path) ? fs.constants.O_NONBLOCK : 0;
  try {
    fs.closeSync(fs.openSync(path, flags | wait, mode));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENXIO") throw error;
  }
}

function withOpen(
  path: string,
  flags: number,
  mode: number,
  act: (fd: number) => void = () => undefined,
): void {
  const fd = fs.openSync(path, flags, mode);
  try {
    act(fd);
  } finally {
    fs.closeSync(fd);
  }
}

function runOnDirectory(root: string, operation: Operation): string | void {
  const path = join(root, operation.path);
  const { O_WRONLY, O_APPEND } = fs.constants;
  // Such a one has no content of its own.
  if (/^(read|write|append|truncate)$/.test(operation.op) && isFifo(path)) return "EINVAL";
  switch (operation.op) {
    case "open":
      return open(path, flagsOf(operation.flags), operation.mode ?? 0o666);
    case "write":
      return withOpen(path, O_WRONLY, 0, (fd) => void fs.writeSync(fd, operation.text));
    case "append":
      return withOpen(path, O_WRONLY | O_APPEND, 0, (fd) => void fs.writeSync(fd, operation.text));
    case "truncate":
      return fs.truncateSync(path, operation.size);
    case "chmod":
      return fs.chmodSync(path, operation.mode);
    case "mkdir":
      return void fs.mkdirSync(path, operation.mode);
    case "chown":
      return fs.chownSync(path, operation.uid, operation.gid);
    case "lchown":
      return fs.lchownSync(path, operation.uid, operation.gid);
    case "utimes":
      return fs.utimesSync(path, operation.mtime, operation.mtime);
    case "setxattr":
      return sys.setXattrAt(
        sys.AT_FDCWD,
        fs.realpathSync(path),
        operation.name,
        Buffer.from(operation.value),
      );
    case "removexattr":
      return sys.removeXattrAt(sys.AT_FDCWD, fs.realpathSync(path), operation.name);
    case "link":
      return fs.linkSync(path, join(root, operation.to));
    case "rename":
      return fs.renameSync(path, join(root, operation.to));
    case "symlink":
      return fs.symlinkSync(operation.target, path);
    case "mknod":
      return sys.mknodAt(sys.AT_FDCWD, path, modeOf(operation.kind) | 0o666);
    case "unlink":
      return fs.unlinkSync(path);
    case "rmdir":
      return fs.rmdirSync(path);
    case "read":
      return fs.readFileSync(path, "latin1");
    case "readdir":
      return fs.readdirSync(path).sort().join(" ");
    case "stat":
      return kindOf(fs.statSync(path));
    case "commit":
      return;
  }
}

function modeOf(kind: "fifo" | "char"): number {
  return kind === "fifo" ? sys.S_IFIFO : sys.S_IFCHR;
}

function kindOf(stat: fs.Stats): string {
  if (stat.isFile()) return "file";
  if (stat.isDirectory()) return "directory";
  return stat.isFIFO() ? "fifo" : "char";
}
