/** A directory for one test, gone when the test's scope ends. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as sys from "../../src/sys/index.ts";

export interface Scratch extends Disposable {
  readonly path: string;
}

/**
 * Makes `<tmp>/varve-<name>-XXXXXX`, which must hold no mount any more when it is disposed, but for those that the erofs
 * driver keeps for the next container: these are ended.
 */
export function scratch(name: string): Scratch {
  const path = mkdtempSync(join(tmpdir(), `varve-${name}-`));
  return {
    path,
    [Symbol.dispose]: () => {
      endErofsMounts(path);
      rmSync(path, { recursive: true, force: true });
    },
  };
}

function endErofsMounts(path: string): void {
  if (process.platform !== "linux") return;
  for (const { type, mountPoint } of sys.mountInfo())
    if ((type === "erofs" || type === "fuse.varve") && mountPoint.startsWith(`${path}/`))
      sys.unmount(mountPoint, { detach: true });
}

/** The reason to skip a test that needs root on Linux, or false: `test(title, { skip: unlessRoot }, ...)`. */
export const unlessRoot: string | false =
  process.platform === "linux" && process.geteuid?.() === 0 ? false : "needs root on Linux";

/** The reason to skip what takes long and seldom fails alone, or false. */
export const unlessAll: string | false =
  process.env["VARVE_LIVE"] === "all" ? false : "takes long: VARVE_LIVE=all runs it";

/** Drivers on which a whole day of faults is gone through; the copying one, which is slow and simple, with all. */
export const faultyDays =
  unlessAll === false ? (["overlay2", "erofs", "vfs"] as const) : (["overlay2", "erofs"] as const);

/** The reason to skip a test that needs Linux, or false. */
export const unlessLinux: string | false = process.platform === "linux" ? false : "needs Linux";
