/** The mounts of images: one an image, shared by all who use it, kept as long as a container stands on it. */
import { statSync } from "node:fs";
import { fromText } from "../../byte_string.ts";
import * as sys from "../../sys/index.ts";
import { holdMount, type MountPlan } from "../held_mount.ts";
import type { StorageOptions } from "../storage_options.ts";
import type { CacheId, MountedRoot } from "../types.ts";
import { inUserNamespace } from "../user_namespace.ts";
import type { ErofsLayout } from "./erofs_layout.ts";
import { mountServed } from "./fuse_mount.ts";
import { ensureImageFile } from "./image_file.ts";
import { mountImage, wantsBlockDevice } from "./image_mount.ts";

/**
 * Who shows the images: the kernel, given the files as they are or as block devices where it takes nothing else; or, in
 * a user namespace, where it mounts no EROFS at all, a process of ours.
 */
export type Backing = "file" | "loop" | "fuse";

export interface ImageMountsOptions extends StorageOptions {
  /** Default: what this process can have; loop devices from the first time on that the kernel wants them. */
  readonly backing?: Backing;
}

export class ImageMounts {
  readonly #layout: ErofsLayout;
  readonly #locks: string;
  readonly #options: StorageOptions;
  #backing: Backing | undefined;

  constructor(layout: ErofsLayout, locks: string, options: ImageMountsOptions) {
    this.#layout = layout;
    this.#locks = locks;
    this.#options = options;
    this.#backing = options.backing ?? (inUserNamespace() ? "fuse" : undefined);
  }

  /** Makes the file that the kernel mounts; a server needs none. */
  prepare(id: CacheId): void {
    if (this.#backing !== "fuse") ensureImageFile(this.#layout, id);
  }

  async hold(id: CacheId): Promise<MountedRoot> {
    const mounted = await holdMount(this.#locks, this.plan(id));
    if (this.#options.dropPages !== true) return mounted;
    return {
      path: mounted.path,
      [Symbol.asyncDispose]: async () => {
        dropTarPages(this.#layout, id);
        await mounted[Symbol.asyncDispose]();
      },
    };
  }

  plan(id: CacheId): MountPlan {
    const key = `${id}.image`;
    const path = `${this.#locks}/${key}`;
    return {
      key,
      path,
      mounting: {
        readOnly: true,
        mount: () => this.#mount(id, path),
        stays: () => this.#layout.exists(id) && this.#layout.hasWritableChild(id),
        works: () => this.#backing !== "fuse" || isServed(path),
      },
    };
  }

  #mount(id: CacheId, path: string): void {
    if (this.#backing === "fuse") return mountServed(this.#layout.home, id, path);
    const image = ensureImageFile(this.#layout, id);
    try {
      mountImage(image, path, this.#backing ?? "file", this.#options);
    } catch (error) {
      if (this.#backing !== undefined || !wantsBlockDevice(error)) throw error;
      this.#backing = "loop";
      mountImage(image, path, this.#backing, this.#options);
    }
  }
}

/** Tells the kernel that what it has of the image's tars will not be wanted soon (posix_fadvise(2)). */
function dropTarPages(layout: ErofsLayout, id: CacheId): void {
  for (const layer of layout.chain(id)) {
    const fd = sys.openAt(sys.AT_FDCWD, fromText(layout.tar(layer)), sys.O_RDONLY);
    try {
      sys.dropPages(fd);
    } finally {
      sys.close(fd);
    }
  }
}

/** A server that was killed leaves a mount in which every access fails. */
function isServed(path: string): boolean {
  try {
    statSync(path);
    return true;
  } catch {
    return false;
  }
}
