/** Docker's `vfs` driver: each layer is a full copy of its parent with the changes made in it. Works for anyone. */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { fromText } from "../byte_string.ts";
import type { ByteSource } from "../bytes/index.ts";
import { Failure, isFailure } from "../errors.ts";
import { type ApplyTarget, type Change, diffLayer } from "../layer/index.ts";
import * as sys from "../sys/index.ts";
import { checkCacheId, isOwnCacheId } from "./cache_id.ts";
import { compareDirectories } from "./compare_views.ts";
import { copyTree } from "./copy_tree.ts";
import { holdMount, removeUnmounted } from "./held_mount.ts";
import { makeDirectory, makeIfMissing } from "./overlay_layout.ts";
import { type DriverOptions, locksOf } from "./overlay2.ts";
import { realRoot } from "./real_root.ts";
import { holdReadOnlyView, viewKey, viewPath } from "./read_only_view.ts";
import type { CacheId, Driver, MountedRoot, MountOptions } from "./types.ts";
import { ownershipHere } from "./user_namespace.ts";

/** The driver on `options.root` (`ROOT/vfs`). Touches nothing until it is used. */
export function createVfs(options: DriverOptions): Driver {
  const root = realRoot(options.root);
  const own = `${dirname(root)}/varve`;
  return new Vfs(root, locksOf(options, root), `${own}/vfs-parents`);
}

class Vfs implements Driver {
  readonly name = "vfs";
  readonly independentLayers = false;
  readonly #home: string;
  readonly #locks: string;
  /** Docker's layout does not say who is whose parent: a file for each child does. */
  readonly #parents: string;

  constructor(root: string, locks: string, parents: string) {
    this.#home = `${root}/dir`;
    this.#locks = locks;
    this.#parents = parents;
  }

  async create(id: CacheId, parent: CacheId | undefined): Promise<void> {
    const directory = this.#directory(id);
    if (parent !== undefined) this.#mustExist(parent);
    // Docker's modes of both; ROOT itself is not ours.
    makeIfMissing(fromText(dirname(this.#home)), 0o710);
    makeIfMissing(fromText(this.#home), 0o710);
    try {
      makeDirectory(fromText(directory), 0o755);
    } catch (error) {
      if (!sys.isSysError(error, "EEXIST")) throw error;
      throw new Failure("conflict", `layer directory ${directory} exists already`, { cause: error });
    }
    if (parent === undefined) return;
    try {
      mkdirSync(this.#parents, { recursive: true, mode: 0o700 });
      writeFileSync(`${this.#parents}/${id}`, parent);
      await copyTree(fromText(this.#directory(parent)), fromText(directory), ownershipHere());
    } catch (error) {
      await this.#removeFiles(id);
      throw error;
    }
  }

  target(id: CacheId): ApplyTarget {
    return { directory: this.#directory(id), whiteouts: "remove", ownership: ownershipHere() };
  }

  async prepare(): Promise<void> {
    // The directory is all there is to it.
  }

  /** For an ordinary user, who may not mount, nothing enforces `readOnly`. */
  async mount(id: CacheId, options: MountOptions = {}): Promise<MountedRoot> {
    this.#mustExist(id);
    const hold = (): Promise<MountedRoot> => holdMount(this.#locks, { key: id, path: this.#directory(id) });
    if (options.readOnly !== true) return hold();
    try {
      return await holdReadOnlyView(this.#locks, id, await hold());
    } catch (error) {
      if (!isFailure(error, "denied")) throw error;
      return hold();
    }
  }

  async *diff(id: CacheId, options: { readonly signal: AbortSignal }): ByteSource {
    this.#mustExist(id);
    const parent = this.#parent(id);
    const lowers = parent === undefined ? [] : [this.#directory(parent)];
    const { directory, whiteouts } = this.target(id);
    await using held = new AsyncDisposableStack();
    held.use(await holdMount(this.#locks, { key: id, path: directory }));
    yield* diffLayer({ directory, whiteouts, lowers, ...options });
  }

  async changes(id: CacheId, options: { readonly signal: AbortSignal }): Promise<Change[]> {
    this.#mustExist(id);
    const parent = this.#parent(id);
    const old = parent === undefined ? {} : { old: this.#directory(parent) };
    return compareDirectories({ ...old, new: this.#directory(id) }, options.signal);
  }

  async graphData(id: CacheId): Promise<null> {
    this.#mustExist(id);
    return null;
  }

  async remove(id: CacheId): Promise<void> {
    const path = this.#directory(id);
    const plain = { key: id, path };
    const view = { key: viewKey(id), path: viewPath(this.#locks, id) };
    await removeUnmounted(this.#locks, [plain, view], path, () => this.#removeFiles(id));
  }

  async list(): Promise<CacheId[]> {
    if (!existsSync(this.#home)) return [];
    const fd = sys.openAt(sys.AT_FDCWD, fromText(this.#home), sys.O_RDONLY | sys.O_DIRECTORY);
    try {
      const names = sys.readDir(fd).map((entry) => entry.name);
      return names.filter(isOwnCacheId).sort();
    } finally {
      sys.close(fd);
    }
  }

  async #removeFiles(id: CacheId): Promise<void> {
    await sys.removeTreeInSlices(fromText(this.#directory(id)));
    sys.removeTree(fromText(`${this.#parents}/${id}`));
  }

  /** What dockerd made has no record; a container's layer then still has its init layer, by name. */
  #parent(id: CacheId): CacheId | undefined {
    const record = `${this.#parents}/${id}`;
    if (existsSync(record)) return checkCacheId(readFileSync(record, "latin1"));
    return existsSync(this.#directory(`${id}-init`)) ? `${id}-init` : undefined;
  }

  #directory(id: CacheId): string {
    return `${this.#home}/${checkCacheId(id)}`;
  }

  #mustExist(id: CacheId): void {
    if (!existsSync(this.#directory(id)))
      throw new Failure("not-found", `no layer directory ${this.#directory(id)}`);
  }
}
