/** Trees for the tests, with contents in a tar that is no more than a heap of bytes. */
import type { ByteString } from "../byte_string.ts";
import type { DirectoryNode, FileNode, SpecialNode, SymlinkNode, TreeNode } from "../union/index.ts";

export type Attributes = Partial<Omit<FileNode, "kind" | "size" | "extents">>;

const plain = { mode: 0o644, uid: 0, gid: 0, mtime: 1_700_000_000, mtimeNs: 0 };

export function directory(
  entries: Record<ByteString, TreeNode> | ReadonlyMap<ByteString, TreeNode>,
  attributes: Attributes = {},
): DirectoryNode {
  const map = entries instanceof Map ? entries : new Map(Object.entries(entries as Record<string, TreeNode>));
  return { ...plain, mode: 0o755, ...attributes, kind: "directory", entries: map };
}

export function symlink(target: ByteString, attributes: Attributes = {}): SymlinkNode {
  return { ...plain, mode: 0o777, ...attributes, kind: "symlink", target };
}

export function special(
  kind: SpecialNode["kind"],
  rdevMajor = 0,
  rdevMinor = 0,
  attributes: Attributes = {},
): SpecialNode {
  return { ...plain, ...attributes, kind, rdevMajor, rdevMinor };
}

/** A stretch of a sparse file. */
export interface Stretch {
  readonly at: number;
  readonly bytes: Uint8Array;
}

/** Collects the contents of files. */
export class TarFixture {
  readonly source: number;
  readonly #chunks: Uint8Array[] = [];
  #length = 0;

  constructor(source = 0) {
    this.source = source;
  }

  file(bytes: Uint8Array | string, attributes: Attributes = {}): FileNode {
    const content = typeof bytes === "string" ? Buffer.from(bytes) : bytes;
    const stretches = content.length === 0 ? [] : [{ at: 0, bytes: content }];
    return this.sparse(content.length, stretches, attributes);
  }

  sparse(size: number, stretches: readonly Stretch[], attributes: Attributes = {}): FileNode {
    this.#add(new Uint8Array(512 + (-this.#length & 511)).fill(0xee));
    const extents = stretches.map(({ at, bytes }) => {
      const extent = { at, length: bytes.length, source: this.source, offset: this.#length };
      this.#add(bytes);
      return extent;
    });
    return { ...plain, ...attributes, kind: "file", size, extents };
  }

  #add(bytes: Uint8Array): void {
    this.#chunks.push(bytes);
    this.#length += bytes.length;
  }

  bytes(): Buffer {
    return Buffer.concat(this.#chunks);
  }
}

/** Bytes that say where they are, so that a shifted read is seen. */
export function pattern(length: number, seed = 1): Buffer {
  const words = new Uint32Array(Math.ceil(length / 4));
  for (let index = 0; index < words.length; index++) words[index] = Math.imul(index + seed, 2_654_435_761);
  return Buffer.from(words.buffer, 0, length);
}
