/**
 * Layers that are never unpacked: each is its plain tar, in one file; each image one small EROFS image that maps its
 * files onto ranges of those tars. Containers' layers are overlayfs directories on top. Nothing is made or deleted file
 * by file, and the exact bytes of a layer are at hand.
 *
 * An image's mount is shared by all who use it, in all processes, and stays as long as a container stands on it: with it
 * the kernel would forget what it has read. After a restart of the machine the next user mounts it anew.
 */
import { fromText } from "../../byte_string.ts";
import type { ByteSource } from "../../bytes/index.ts";
import { type Change, diffLayer, type LayerTarget, readKeptTar } from "../../layer/index.ts";
import { removeTreeInSlices } from "../../sys/index.ts";
import { compareDirectories } from "../compare_views.ts";
import { endIfUnused, findMount, holdMount, removeUnmounted } from "../held_mount.ts";
import { type DriverOptions, locksOf } from "../overlay2.ts";
import { type OverlayDialect, overlayDialect } from "../overlay_mount.ts";
import { realRoot } from "../real_root.ts";
import { holdReadOnlyView, viewKey, viewPath } from "../read_only_view.ts";
import type {
  CacheId,
  CreateOptions,
  Driver,
  MountedRoot,
  MountOptions,
  Optimized,
  OptimizeOptions,
} from "../types.ts";
import { ownershipHere } from "../user_namespace.ts";
import { ErofsLayout } from "./erofs_layout.ts";
import { type Backing, ImageMounts } from "./image_mounts.ts";
import { mountWritable } from "./writable_mount.ts";

export interface ErofsOptions extends DriverOptions {
  /** Default: what works here. */
  readonly backing?: Backing;
}

/** The driver on `options.root`. Touches nothing until it is used. */
export function createErofs(options: ErofsOptions): Driver {
  const root = realRoot(options.root);
  return new Erofs(root, locksOf(options, root), options);
}

class Erofs implements Driver {
  readonly name = "erofs";
  readonly independentLayers = true;
  readonly #layout: ErofsLayout;
  readonly #locks: string;
  readonly #images: ImageMounts;
  #dialect: OverlayDialect | undefined;

  constructor(root: string, locks: string, { backing, storage = {} }: ErofsOptions) {
    this.#layout = new ErofsLayout(root);
    this.#locks = locks;
    this.#images = new ImageMounts(this.#layout, locks, { ...storage, ...(backing && { backing }) });
  }

  async create(id: CacheId, parent: CacheId | undefined, options: CreateOptions = {}): Promise<void> {
    this.#layout.create(id, parent, options.writable === true);
  }

  target(id: CacheId): LayerTarget {
    const layout = this.#layout;
    if (!layout.isWritable(id)) return layout.target(id);
    return { directory: layout.diff(id), whiteouts: this.#whiteouts, ownership: ownershipHere() };
  }

  #kernel(): OverlayDialect {
    return (this.#dialect ??= overlayDialect());
  }

  get #whiteouts(): "overlay" | "overlay-user" {
    return this.#kernel().userxattr ? "overlay-user" : "overlay";
  }

  async prepare(id: CacheId): Promise<void> {
    if (!this.#layout.isWritable(id)) this.#images.prepare(id);
  }

  async mount(id: CacheId, options: MountOptions = {}): Promise<MountedRoot> {
    this.#layout.mustExist(id);
    if (!this.#layout.isWritable(id)) return this.#images.hold(id);
    const below = this.#layout.parent(id);
    const { readOnly = false } = options;
    if (below === undefined) {
      const plain = await holdMount(this.#locks, { key: id, path: this.#layout.diff(id) });
      return readOnly ? holdReadOnlyView(this.#locks, id, plain) : plain;
    }
    await using held = new AsyncDisposableStack();
    const lowers = await this.#lowers(below, held);
    const mounted = held.use(await this.#holdWritable(id, lowers, options));
    const both = held.move();
    return { path: mounted.path, [Symbol.asyncDispose]: () => both.disposeAsync() };
  }

  async #holdWritable(
    id: CacheId,
    lowers: readonly string[],
    { readOnly = false, volatile = false }: MountOptions,
  ): Promise<MountedRoot> {
    const merged = this.#layout.merged(id);
    const dialect = this.#kernel();
    const hold = (key: string, path: string, isReadOnly: boolean): Promise<MountedRoot> => {
      const mount = (): void =>
        mountWritable(this.#layout, id, { at: path, lowers, readOnly: isReadOnly, volatile, dialect });
      return holdMount(this.#locks, { key, path, mounting: { readOnly: isReadOnly, mount } });
    };
    if (!readOnly) return hold(id, merged, false);
    // Where somebody writes to it, look at his mount: two of one upper directory would not agree.
    if (findMount(merged) !== undefined)
      return holdReadOnlyView(this.#locks, id, await hold(id, merged, false));
    // Not at `merged`, so that nobody who comes to write has to wait.
    return hold(viewKey(id), viewPath(this.#locks, id), true);
  }

  /** Paths of what lies below a container's layer, nearest first: containers' layers, then the image. */
  async #lowers(id: CacheId, held: AsyncDisposableStack): Promise<string[]> {
    const lowers: string[] = [];
    for (let at: CacheId | undefined = id; at !== undefined; at = this.#layout.parent(at)) {
      this.#layout.mustExist(at);
      if (!this.#layout.isWritable(at)) return [...lowers, held.use(await this.#images.hold(at)).path];
      lowers.push(this.#layout.diff(at));
    }
    return lowers;
  }

  async *diff(id: CacheId, options: { readonly signal: AbortSignal }): ByteSource {
    this.#layout.mustExist(id);
    const below = this.#layout.parent(id);
    await using held = new AsyncDisposableStack();
    if (!this.#layout.isWritable(id)) {
      // Held, so that it is not removed meanwhile.
      held.use(await holdMount(this.#locks, { key: id, path: this.#layout.directory(id) }));
      yield* readKeptTar(this.#layout.target(id), options);
      return;
    }
    held.use(await holdMount(this.#locks, { key: id, path: this.#layout.merged(id) }));
    const lowers = below === undefined ? [] : await this.#lowers(below, held);
    yield* diffLayer({ directory: this.#layout.diff(id), whiteouts: this.#whiteouts, lowers, ...options });
  }

  async changes(id: CacheId, options: { readonly signal: AbortSignal }): Promise<Change[]> {
    this.#layout.mustExist(id);
    const parent = this.#layout.parent(id);
    await using after = await this.mount(id, { readOnly: true });
    const upper = this.#layout.isWritable(id) ? { upper: this.#layout.diff(id) } : {};
    if (parent === undefined) return await compareDirectories({ new: after.path }, options.signal);
    await using before = await this.mount(parent, { readOnly: true });
    return await compareDirectories({ old: before.path, new: after.path, ...upper }, options.signal);
  }

  async graphData(id: CacheId): Promise<Readonly<Record<string, string>>> {
    const layout = this.#layout;
    const [, ...below] = layout.chain(id);
    if (!layout.isWritable(id)) {
      const tars = below.map((layer) => layout.tar(layer));
      return {
        Image: layout.image(id),
        ...(tars.length > 0 && { LowerTars: tars.join(":") }),
        Tar: layout.tar(id),
      };
    }
    const places = below.map((layer) => (layout.isWritable(layer) ? layout.diff(layer) : layout.tar(layer)));
    return {
      ...(places.length > 0 && { LowerDir: places.join(":") }),
      MergedDir: layout.merged(id),
      UpperDir: layout.diff(id),
      WorkDir: layout.work(id),
    };
  }

  async remove(id: CacheId): Promise<void> {
    const own = { key: id, path: this.#layout.merged(id) };
    const view = { key: viewKey(id), path: viewPath(this.#locks, id) };
    const directory = this.#layout.directory(id);
    const parent = this.#layout.parent(id);
    const isWritable = this.#layout.isWritable(id);
    await removeUnmounted(this.#locks, [own, view, this.#images.plan(id)], directory, () =>
      removeTreeInSlices(fromText(directory)),
    );
    if (!isWritable || parent === undefined || this.#layout.isWritable(parent)) return;
    // The last container of an image lets its mount go.
    if (this.#layout.exists(parent)) await endIfUnused(this.#locks, this.#images.plan(parent));
  }

  async endIdleMount(id: CacheId): Promise<void> {
    const { key, path } = this.#images.plan(id);
    await endIfUnused(this.#locks, { key, path });
  }

  async list(): Promise<CacheId[]> {
    return this.#layout.names();
  }

  async optimize(options: OptimizeOptions): Promise<Optimized> {
    const { optimizeLayers } = await import("./optimize/optimize_layers.ts");
    const place = { layout: this.#layout, images: this.#images, locks: this.#locks };
    return optimizeLayers({ ...place, step: options.onStep ?? (() => undefined) }, options);
  }
}
