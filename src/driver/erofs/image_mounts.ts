/** The mounts of images: one an image, shared by all who use it, kept as long as a container stands on it. */
import { statSync } from "node:fs";
import { holdMount, type MountPlan } from "../held_mount.ts";
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

export class ImageMounts {
  readonly #layout: ErofsLayout;
  readonly #locks: string;
  #backing: Backing | undefined;

  /** @param backing default: what this process can have; loop devices from the first time on that the kernel wants them */
  constructor(layout: ErofsLayout, locks: string, backing: Backing | undefined) {
    this.#layout = layout;
    this.#locks = locks;
    this.#backing = backing ?? (inUserNamespace() ? "fuse" : undefined);
  }

  /** Makes the file that the kernel mounts; a server needs none. */
  prepare(id: CacheId): void {
    if (this.#backing !== "fuse") ensureImageFile(this.#layout, id);
  }

  hold(id: CacheId): Promise<MountedRoot> {
    return holdMount(this.#locks, this.plan(id));
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
      mountImage(image, path, this.#backing ?? "file");
    } catch (error) {
      if (this.#backing !== undefined || !wantsBlockDevice(error)) throw error;
      this.#backing = "loop";
      mountImage(image, path, this.#backing);
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
