/** A tree that is known already, from layers, a tar or memory, as a source. */
import { createHash } from "node:crypto";
import { setImmediate } from "node:timers/promises";
import type { ByteString } from "../../byte_string.ts";
import { throwIfCancelled } from "../../bytes/index.ts";
import type { Branch, NodeStat } from "../../union/index.ts";
import { resolvePath } from "./resolve_path.ts";
import { isPlain, missing, notThat } from "./source_path.ts";
import type { SourceKind, SourceStat, SourceTree } from "./types.ts";

/** No symlink in a path is ever followed. */
export type Files = Pick<Branch, "stat" | "list" | "read" | "readLink" | "xattrs">;

const chunkSize = 1 << 20;

/** What it reads does not change as long as it is open. */
export class BranchSource implements SourceTree {
  readonly name: string;
  readonly #files: Files;
  readonly #held: Disposable;
  readonly #digests = new Map<ByteString, string>();

  /** @param held is disposed with the source */
  constructor(name: string, files: Files, held: Disposable) {
    this.name = name;
    this.#files = files;
    this.#held = held;
  }

  [Symbol.dispose](): void {
    this.#held[Symbol.dispose]();
  }

  stat(path: ByteString): SourceStat | undefined {
    const stat = isPlain(path) ? this.#files.stat(path) : undefined;
    return stat && sourceStat(stat);
  }

  resolve(path: ByteString): ByteString | undefined {
    return resolvePath(this, path);
  }

  readdir(path: ByteString): ByteString[] {
    this.#existing(path, "directory");
    return this.#files
      .list(path)
      .map(({ name }) => name)
      .sort();
  }

  readLink(path: ByteString): ByteString {
    this.#existing(path, "symlink");
    return this.#files.readLink(path);
  }

  xattrs(path: ByteString): ReadonlyMap<ByteString, Uint8Array> {
    if (this.stat(path) === undefined) throw missing(path, this.name);
    return this.#files.xattrs(path);
  }

  async *open(path: ByteString, signal: AbortSignal): AsyncGenerator<Uint8Array, void, undefined> {
    for await (const chunk of this.#chunks(path)) {
      throwIfCancelled(signal);
      yield chunk;
    }
  }

  read(path: ByteString): Uint8Array {
    const { size } = this.#existing(path, "file");
    return this.#files.read(path, 0, size);
  }

  async contentDigest(path: ByteString, signal?: AbortSignal): Promise<string> {
    const known = this.#digests.get(path);
    if (known !== undefined) return known;
    const sum = createHash("sha256");
    for await (const chunk of this.#chunks(path)) {
      if (signal !== undefined) throwIfCancelled(signal);
      sum.update(chunk);
    }
    const digest = sum.digest("hex");
    this.#digests.set(path, digest);
    return digest;
  }

  async *#chunks(path: ByteString): AsyncGenerator<Uint8Array, void, undefined> {
    const { size } = this.#existing(path, "file");
    for (let at = 0; at < size; at += chunkSize) {
      // Reading blocks: others get their turn in between.
      if (at > 0) await setImmediate();
      yield this.#files.read(path, at, Math.min(chunkSize, size - at));
    }
  }

  #existing(path: ByteString, kind: SourceKind): SourceStat {
    const stat = this.stat(path);
    if (stat === undefined) throw missing(path, this.name);
    if (stat.kind !== kind) throw notThat(path, this.name, kind);
    return stat;
  }
}

function sourceStat(stat: NodeStat): SourceStat {
  const { kind, mode, uid, gid, size, mtime, mtimeNs, nlink, ino } = stat;
  return {
    kind,
    mode,
    uid,
    gid,
    size: kind === "file" ? size : 0,
    mtime,
    mtimeNs,
    devMajor: stat.rdevMajor,
    devMinor: stat.rdevMinor,
    ...(kind === "file" && nlink > 1 && { inode: String(ino) }),
  };
}
