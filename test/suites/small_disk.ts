/** A disk that can be full: a tmpfs. */
import { execFileSync } from "node:child_process";
import { mkdirSync, statfsSync } from "node:fs";

export class SmallDisk implements Disposable {
  readonly path: string;

  /** @param path is made, and mounted on @param size bytes */
  constructor(path: string, size: number) {
    this.path = path;
    mkdirSync(path);
    execFileSync("mount", ["-t", "tmpfs", "-o", `size=${size},mode=711`, "varve-test", path]);
  }

  resize(size: number): void {
    execFileSync("mount", ["-o", `remount,size=${size}`, this.path]);
  }

  /** Bytes that are taken. */
  get used(): number {
    const { blocks, bfree, bsize } = statfsSync(this.path);
    return (blocks - bfree) * bsize;
  }

  [Symbol.dispose](): void {
    execFileSync("umount", [this.path]);
  }
}
