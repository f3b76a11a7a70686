/** Fresh disks: one for each pull, so that no pull meets what another one left. */
import { execFileSync } from "node:child_process";
import { mkdirSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Backing } from "../options.ts";

export interface Disk extends Disposable {
  /** Where it is mounted. */
  readonly directory: string;
}

const size = 12 * 2 ** 30;

/** Makes disks below `work`; in memory if `backing` says so. */
export class DiskMaker {
  readonly #work: string;
  #made = 0;

  constructor(work: string, backing: Backing) {
    this.#work = join(work, "disks");
    mkdirSync(this.#work);
    // In the mount namespace of the benchmark: it goes with it.
    if (backing === "memory") execFileSync("mount", ["-t", "tmpfs", "-o", "size=90%", "bench", this.#work]);
  }

  /**
   * An empty ext4 with a journal on a loop device. A root file system may have none, and then creates files several
   * times more slowly for a minute after many were removed (`recently_deleted` in fs/ext4/ialloc.c).
   */
  make(): Disk {
    const directory = join(this.#work, `${++this.#made}`);
    const image = `${directory}.img`;
    mkdirSync(directory);
    writeFileSync(image, "");
    truncateSync(image, size);
    // Nothing is left to be initialised in the background, while something is measured.
    const extended = "lazy_itable_init=0,lazy_journal_init=0";
    execFileSync("mkfs.ext4", ["-q", "-F", "-O", "has_journal", "-E", extended, image]);
    execFileSync("mount", ["-o", "loop,noinit_itable", image, directory]);
    return {
      directory,
      [Symbol.dispose]: () => {
        execFileSync("umount", ["--lazy", directory]);
        rmSync(image);
      },
    };
  }
}
