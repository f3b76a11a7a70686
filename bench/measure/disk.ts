/** Fresh disks: one for each pull, so that no pull meets what another one left. */
import { execFileSync } from "node:child_process";
import { mkdirSync, rmSync, statfsSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Backing } from "../options.ts";
import { describeFileSystem } from "./file_system.ts";

export interface Disk extends Disposable {
  /** Where it is mounted. */
  readonly directory: string;
  /** Bytes in use, if nothing else is on it. */
  used(): number | undefined;
}

const size = 12 * 2 ** 30;

/** Makes disks below `work`. */
export class DiskMaker {
  /** What the stores lie on. */
  readonly title: string;
  readonly #work: string;
  readonly #backing: Backing;
  #made = 0;

  constructor(work: string, backing: Backing) {
    this.#work = join(work, "disks");
    this.#backing = backing;
    mkdirSync(this.#work);
    // In the mount namespace of the benchmark: it goes with it.
    if (backing === "memory") execFileSync("mount", ["-t", "tmpfs", "-o", "size=90%", "bench", this.#work]);
    const loop = `fresh ext4 file systems with a journal, on loop devices ${backing === "disk" ? "on the disk" : "in memory"}`;
    this.title = backing === "root" ? `fresh directories on ${describeFileSystem(this.#work)}` : loop;
  }

  make(): Disk {
    const directory = join(this.#work, `${++this.#made}`);
    mkdirSync(directory);
    return this.#backing === "root" ? boundDirectory(directory) : loopDisk(directory);
  }
}

/**
 * An empty ext4 with a journal on a loop device. A root file system may have none, and then creates files several
 * times more slowly for a minute after many were removed (`recently_deleted` in fs/ext4/ialloc.c).
 */
function loopDisk(directory: string): Disk {
  const image = `${directory}.img`;
  writeFileSync(image, "");
  truncateSync(image, size);
  // Nothing is left to be initialised in the background, while something is measured.
  const extended = "lazy_itable_init=0,lazy_journal_init=0";
  execFileSync("mkfs.ext4", ["-q", "-F", "-O", "has_journal", "-E", extended, image]);
  execFileSync("mount", ["-o", "loop,noinit_itable", image, directory]);
  return {
    directory,
    used: () => {
      const { blocks, bfree, bsize } = statfsSync(directory);
      return (blocks - bfree) * bsize;
    },
    [Symbol.dispose]: () => {
      execFileSync("umount", ["--lazy", directory]);
      rmSync(image);
    },
  };
}

/** A directory of the file system that holds it; a mount, so that what engines leave mounted in it goes with it. */
function boundDirectory(directory: string): Disk {
  execFileSync("mount", ["--bind", directory, directory]);
  return {
    directory,
    used: () => undefined,
    [Symbol.dispose]: () => {
      execFileSync("umount", ["--lazy", directory]);
      rmSync(directory, { recursive: true });
    },
  };
}
