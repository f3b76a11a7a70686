/** Files that are in memory: those of here-documents. */
import type { ByteString } from "../../byte_string.ts";
import { Failure } from "../../errors.ts";
import { MemoryBranch } from "../../union/index.ts";
import { BranchSource } from "./branch_source.ts";
import { isPlain, parentOf } from "./source_path.ts";
import type { SourceTree } from "./types.ts";

export interface MemoryFile {
  /** Text is kept as UTF-8. */
  readonly content: Uint8Array | string;
  /** Permission bits (default 0644). */
  readonly mode?: number;
  /** Seconds since 1970 (default: now). */
  readonly mtime?: number;
}

/**
 * All belongs to root. Directories on the way are made, with permission 0755.
 * @throws Failure("invalid") for a path with `.`, `..` or empty parts, or through a file
 */
export function memorySource(
  files: ReadonlyMap<ByteString, MemoryFile>,
  options: { readonly name?: string } = {},
): SourceTree {
  const branch = new MemoryBranch();
  for (const [path, { content, mode = 0o644, mtime }] of files) {
    if (path === "" || !isPlain(path))
      throw new Failure("invalid", `${JSON.stringify(path)} is no path of a file`);
    makeDirectories(branch, parentOf(path));
    const bytes = typeof content === "string" ? Buffer.from(content) : content;
    const time = mtime === undefined ? {} : { mtime };
    branch.create(path, { kind: "file", mode, uid: 0, gid: 0, content: bytes, ...time });
  }
  return new BranchSource(options.name ?? "context", branch, { [Symbol.dispose]: () => undefined });
}

function makeDirectories(branch: MemoryBranch, path: ByteString): void {
  const kind = branch.stat(path)?.kind;
  if (kind === "directory") return;
  if (kind !== undefined) throw new Failure("invalid", `${JSON.stringify(path)} is a file and a directory`);
  makeDirectories(branch, parentOf(path));
  branch.create(path, { kind: "directory", mode: 0o755, uid: 0, gid: 0 });
}
