/** Unpacks one layer tar into a directory. */
import type { ByteString } from "../byte_string.ts";
import * as sys from "../sys/index.ts";
import type { TarEntry, TarSink } from "../tar/index.ts";
import { EntryWriter } from "./entry_writer.ts";
import { type ApplyLimits, EntryRules, type LayerMaker } from "./entry_rules.ts";
import { nameOf, parentOf, shown } from "./layer_path.ts";
import { LayerTree } from "./layer_tree.ts";
import type { ApplyTarget } from "./types.ts";
import { explainSysError, whiteoutDevice } from "./refusals.ts";
import { removeLinkSources, writeOpaque, writeWhiteout } from "./whiteout_writer.ts";

export interface AppliedLayer {
  /** By behaviours B135, in bytes. */
  readonly size: number;
  readonly entries: number;
}

/**
 * Applies a tar to `target.directory` as Docker applies a layer, entry by entry, synchronously.
 *
 * Nothing outside of the directory is touched whatever the tar says: parents are resolved by the kernel inside the
 * root (openat2(2), RESOLVE_IN_ROOT) and everything else is a call on one single name in an open directory that
 * follows no symlink. Behaviours B013, B014, B043 to B047.
 *
 * Deliberate answers to odd tars:
 * - a character device 0/0 is refused where the target's style is overlay: the kernel would take it for a whiteout
 *   (Docker and umoci make one without a word);
 * - `trusted.overlay.*` and `user.overlay.*` attributes are left out;
 * - attributes of the root entry (`./`) are left out, as Docker does: the root belongs to the driver;
 * - a directory that was whited out earlier in the same tar becomes opaque (Docker loses the whiteout).
 *
 * After a failure the directory holds part of the layer: the caller removes it. Call {@link close} in any case.
 */
export class LayerApplier implements TarSink, Disposable {
  readonly #tree: LayerTree;
  readonly #writer: EntryWriter;
  readonly #rules: EntryRules;
  /** The path of the current entry, for messages. */
  #path: ByteString = "";
  #isFile = false;
  #keepsContent = false;

  /** @throws SysError if the directory cannot be opened */
  constructor(target: ApplyTarget, limits: ApplyLimits = {}) {
    const tree = (this.#tree = new LayerTree(target));
    this.#writer = new EntryWriter(tree);
    const maker: LayerMaker = {
      create: (path, entry) => this.#create(path, entry),
      whiteout: (path, entry) => writeWhiteout(tree, path, entry),
      opaque: (path) => writeOpaque(tree, path),
    };
    this.#rules = new EntryRules(maker, limits);
  }

  /**
   * Whether the content of the current entry will lie in the directory under the entry's own name. What will not (a
   * whiteout with content, AUFS' bookkeeping) must be kept by tar-split itself, or the tar cannot be made again.
   */
  get keepsContent(): boolean {
    return this.#keepsContent;
  }

  /** Descriptor of the layer's root (O_PATH), valid until {@link close}. */
  get rootFd(): number {
    return this.#tree.rootFd;
  }

  /** @throws Failure("invalid") for what no layer may hold; SysError's kinds for what the disk refuses */
  entry(entry: TarEntry): void {
    this.#path = entry.path;
    this.#isFile = false;
    this.#keepsContent = false;
    try {
      this.#keepsContent = this.#rules.apply(entry);
    } catch (error) {
      throw this.#explained(error);
    }
  }

  data(chunk: Uint8Array, offset: number): void {
    if (!this.#isFile) return;
    try {
      this.#writer.write(chunk, offset);
    } catch (error) {
      throw this.#explained(error);
    }
  }

  endEntry(): void {
    if (!this.#isFile) return;
    this.#isFile = false;
    try {
      this.#writer.endFile();
    } catch (error) {
      throw this.#explained(error);
    }
  }

  /** Completes the layer: directories get their times, which filling them has changed. Once, after the last entry. */
  finish(): AppliedLayer {
    try {
      if (this.#rules.hasLinkSources) removeLinkSources(this.#tree);
      this.#tree.finish();
    } catch (error) {
      throw this.#explained(error);
    }
    return { size: this.#tree.size, entries: this.#rules.entries };
  }

  close(): void {
    this.#writer.abandon();
    this.#tree.close();
  }

  [Symbol.dispose](): void {
    this.close();
  }

  #create(path: ByteString, entry: TarEntry): void {
    const tree = this.#tree;
    const directory = tree.directories.obtain(parentOf(path));
    const name = nameOf(path);
    if (tree.whiteouts.size > 0 && tree.whiteouts.has(path)) {
      tree.dropWhiteout(directory, path);
      if (entry.type === "directory") return this.#createOpaque(path, entry);
    }
    const writer = this.#writer;
    switch (entry.type) {
      case "file":
        writer.beginFile(directory, name, path, entry);
        this.#isFile = true;
        return;
      case "directory":
        return writer.directory(directory, name, path, entry);
      case "symlink":
        return writer.symlink(directory, name, path, entry);
      case "hardlink":
        return writer.link(directory, name, path, entry);
      case "char":
        if (entry.devMajor === 0 && entry.devMinor === 0 && this.#takesWhiteouts) throw whiteoutDevice(path);
        return writer.node(directory, name, path, entry, sys.S_IFCHR);
      case "block":
        return writer.node(directory, name, path, entry, sys.S_IFBLK);
      case "fifo":
        return writer.node(directory, name, path, entry, sys.S_IFIFO);
    }
  }

  /** A directory that was whited out before: what lies below it stays hidden. */
  #createOpaque(path: ByteString, entry: TarEntry): void {
    const { directories } = this.#tree;
    this.#writer.directory(directories.obtain(parentOf(path)), nameOf(path), path, entry);
    this.#tree.markOpaque(directories.obtain(path), path);
  }

  get #takesWhiteouts(): boolean {
    return this.#tree.style === "overlay" || this.#tree.style === "overlay-user";
  }

  #explained(error: unknown): unknown {
    return explainSysError(`cannot unpack ${shown(this.#path)}`, error);
  }
}
