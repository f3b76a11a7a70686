/** Starts a server in a process of its own, mounts, and takes both away again whatever happens. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { serialize } from "node:v8";
import { fromText } from "../byte_string.ts";
import * as sys from "../sys/index.ts";
import type { DirectoryNode } from "../union/index.ts";
import { mountFuse, type MountFuseOptions } from "./index.ts";

export interface Served extends AsyncDisposable {
  /** Where the tree is mounted. */
  readonly path: string;
  /** The server itself. */
  readonly pid: number;
  readonly tars: readonly string[];
  /** Ends when the server does. @returns its exit code */
  ended(): Promise<number | null>;
}

/** The server may take so many seconds in all: then it is killed, and what waits for it gets an error. */
const patience = 120;

/** The program, and what it is given but for the mount. Written into `directory`. */
export function writeTree(directory: string, root: DirectoryNode, tars: readonly Uint8Array[]) {
  const tree = join(directory, "tree");
  writeFileSync(tree, serialize(root));
  const paths = tars.map((bytes, index) => {
    const path = join(directory, `${index}.tar`);
    writeFileSync(path, bytes);
    return path;
  });
  return { program: fileURLToPath(import.meta.resolve("./serve_fixture.ts")), tree, paths };
}

/** Serves `root` at `<directory>/mounted`. */
export async function serve(
  directory: string,
  root: DirectoryNode,
  tars: readonly Uint8Array[],
  options: MountFuseOptions = {},
): Promise<Served> {
  const { program, tree, paths } = writeTree(directory, root, tars);
  const path = join(directory, "mounted");
  mkdirSync(path);
  const fuse = mountFuse(fromText(path), options);
  const server = [process.execPath, program, tree, "3", "exact", "none", ...paths];
  const child = spawn("timeout", ["-s", "KILL", String(patience), ...server], {
    stdio: ["ignore", "pipe", "inherit", fuse],
  });
  // Only the server may have it: otherwise its death would not be noticed.
  sys.close(fuse);
  const ended = once(child, "close") as Promise<[number | null]>;
  const [said] = (await Promise.race([once(child.stdout as NodeJS.ReadableStream, "data"), ended])) as [
    unknown,
  ];
  const pid = Number(String(said));
  const served = {
    path,
    pid,
    tars: paths,
    ended: async () => (await ended)[0],
    [Symbol.asyncDispose]: async () => end(path, child, ended),
  };
  if (!Buffer.isBuffer(said)) {
    await served[Symbol.asyncDispose]();
    throw new Error("the server did not start");
  }
  return served;
}

async function end(path: string, child: ChildProcess, ended: Promise<unknown>): Promise<void> {
  try {
    sys.unmount(fromText(path), { detach: true });
  } catch (error) {
    // The test has unmounted it.
    if (!sys.isSysError(error, "EINVAL")) throw error;
  } finally {
    const timer = setTimeout(() => child.kill("SIGTERM"), 5000);
    await ended;
    clearTimeout(timer);
  }
}

/** Why no FUSE file system can be mounted here, or false. */
export function fuseSkip(directory: string): string | false {
  try {
    const fuse = mountFuse(fromText(directory));
    sys.unmount(fromText(directory), { detach: true });
    sys.close(fuse);
    return false;
  } catch (error) {
    return `cannot mount FUSE: ${(error as Error).message}`;
  }
}
