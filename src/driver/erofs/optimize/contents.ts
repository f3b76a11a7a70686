/** Large files in kept tars, and which of them are the same. */
import { createHash } from "node:crypto";
import { fromFile } from "../../../bytes/index.ts";
import { isFailure } from "../../../errors.ts";
import { type CatalogNode, readCatalog, type SharedRange, type TarTarget } from "../../../layer/index.ts";
import type { CacheId } from "../../types.ts";
import { wholeBlocks } from "./blocks.ts";

/** One file's content, in one piece in its tar, at the start of a block of 512 bytes as EROFS wants it. */
export interface Content {
  readonly layer: CacheId;
  /** Path of its tar. */
  readonly tar: string;
  readonly offset: number;
  readonly length: number;
}

/** Those of at least `minSize` bytes that `target` has itself; hard links are one. @throws Failure("corrupt") */
export function contentsOf(
  layer: CacheId,
  target: TarTarget,
  shared: readonly SharedRange[],
  minSize: number,
): Content[] {
  const contents = new Map<number, Content>();
  // A list that grows, and no recursion: a hostile tar can nest deeper than the stack.
  const directories: CatalogNode[] = [readCatalog(target)];
  for (const directory of directories) {
    for (const node of directory.entries?.values() ?? []) {
      if (node.kind === "directory") directories.push(node);
      const [extent, ...more] = node.extents;
      if (extent === undefined || more.length > 0) continue;
      const { offset, length } = extent;
      const fits = length === node.size && length >= minSize && offset % 512 === 0;
      if (!fits || wholeBlocks(offset, length).length <= 0 || overlaps(shared, offset, length)) continue;
      contents.set(offset, { layer, tar: target.tar, offset, length });
    }
  }
  return [...contents.values()];
}

/** Whether any of `ranges` has a byte of `[offset, offset + length)`. */
export function overlaps(
  ranges: readonly { readonly offset: number; readonly length: number }[],
  offset: number,
  length: number,
): boolean {
  return ranges.some((range) => range.offset < offset + length && offset < range.offset + range.length);
}

/** Contents of one size: nothing of them is read before one more of that size comes. */
interface SameSize {
  unread: Content[];
  readonly byDigest: Map<string, Content[]>;
}

/** Finds an equal content among those that were added, the earliest. */
export class ContentIndex {
  readonly #bySize = new Map<number, SameSize>();
  readonly #digests = new WeakMap<Content, string>();

  add(content: Content): void {
    const known = this.#bySize.get(content.length);
    if (known === undefined) this.#bySize.set(content.length, { unread: [content], byDigest: new Map() });
    else known.unread.push(content);
  }

  /** One whose every byte is the same and that `mayGive`. @throws Failure("corrupt") for a tar that ends too early */
  async find(
    content: Content,
    mayGive: (donor: Content) => boolean,
    signal: AbortSignal,
  ): Promise<Content | undefined> {
    const known = this.#bySize.get(content.length);
    if (known === undefined) return undefined;
    await this.#readAll(known, signal);
    for (const donor of known.byDigest.get(await this.#digestOf(content, signal)) ?? [])
      if (mayGive(donor) && (await areEqual(donor, content, signal))) return donor;
    return undefined;
  }

  /** A tar that ends too early gives nothing: whoever checks its layer will say so. */
  async #readAll(known: SameSize, signal: AbortSignal): Promise<void> {
    for (let donor = known.unread[0]; donor !== undefined; donor = known.unread[0]) {
      const digest = await this.#digestOf(donor, signal).catch((error: unknown) => {
        if (!isFailure(error, "corrupt") && !isFailure(error, "not-found")) throw error;
        return undefined;
      });
      known.unread.shift();
      if (digest === undefined) continue;
      const same = known.byDigest.get(digest);
      if (same === undefined) known.byDigest.set(digest, [donor]);
      else same.push(donor);
    }
  }

  async #digestOf(content: Content, signal: AbortSignal): Promise<string> {
    const known = this.#digests.get(content);
    if (known !== undefined) return known;
    const hash = createHash("sha256");
    for await (const chunk of bytesOf(content, signal)) hash.update(chunk);
    const digest = hash.digest("base64");
    this.#digests.set(content, digest);
    return digest;
  }
}

async function areEqual(a: Content, b: Content, signal: AbortSignal): Promise<boolean> {
  await using other = bytesOf(b, signal);
  for await (const chunk of bytesOf(a, signal)) {
    const { value } = await other.next();
    if (value === undefined || Buffer.compare(chunk, value) !== 0) return false;
  }
  return true;
}

/** The file itself: what may be a hole is no content of the layer's own. */
function bytesOf({ tar, offset, length }: Content, signal: AbortSignal): ReturnType<typeof fromFile> {
  return fromFile(tar, { offset, length, signal });
}
