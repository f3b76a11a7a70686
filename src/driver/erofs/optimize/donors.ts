/** Whose parts one layer has. */
import { statSync } from "node:fs";
import { lentTar, type SharedRange, type TarTarget } from "../../../layer/index.ts";
import type { Content } from "./contents.ts";
import { inodeOf } from "./lent.ts";

/**
 * EROFS takes 16,000 tars and 2 TiB of them an image, and a donor counts whole, however small the part is. So a layer
 * has few donors, and no more than some times what it has itself: a stack that fits without them fits with them.
 */
const maxDonors = 64;
const maxTimes = 8;
const alwaysFits = 2 ** 30;
/** ext4 gives a file 65,000. */
const maxNames = 60_000;

export class Donors {
  readonly #target: TarTarget;
  readonly #limit: number;
  readonly #sizes = new Map<string, number>();

  constructor({ target, shared }: { readonly target: TarTarget; readonly shared: readonly SharedRange[] }) {
    this.#target = target;
    this.#limit = Math.max(alwaysFits, maxTimes * sizeOf(target.tar));
    for (const { donor } of shared) this.#sizes.set(donor, sizeOf(lentTar(target, donor)));
  }

  mayGive({ layer, tar }: Content): boolean {
    const stat = statSync(tar, { throwIfNoEntry: false });
    if (stat === undefined) return false;
    if (!this.#sizes.has(layer)) {
      const total = [...this.#sizes.values()].reduce((sum, size) => sum + size, stat.size);
      const isFull = this.#sizes.size >= maxDonors || total > this.#limit;
      if (isFull || stat.nlink >= maxNames) return false;
    }
    // A donor that was repaired is another file now: the parts had of the old one stay where they are.
    const held = inodeOf(lentTar(this.#target, layer));
    return held === undefined || held === inodeOf(tar);
  }

  add({ layer, tar }: Content): void {
    this.#sizes.set(layer, sizeOf(tar));
  }
}

function sizeOf(path: string): number {
  return statSync(path, { throwIfNoEntry: false })?.size ?? 0;
}
