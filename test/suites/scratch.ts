/** A directory for one test, gone when the test's scope ends. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

export interface Scratch extends Disposable {
  readonly path: string;
}

/** Makes `<tmp>/varve-<name>-XXXXXX`, which must hold no mount any more when it is disposed. */
export function scratch(name: string): Scratch {
  const path = mkdtempSync(join(tmpdir(), `varve-${name}-`));
  return {
    path,
    [Symbol.dispose]: () => rmSync(path, { recursive: true, force: true }),
  };
}

/** The reason to skip a test that needs root on Linux, or false: `test(title, { skip: unlessRoot }, ...)`. */
export const unlessRoot: string | false =
  process.platform === "linux" && process.geteuid?.() === 0 ? false : "needs root on Linux";

/** The reason to skip a test that needs Linux, or false. */
export const unlessLinux: string | false = process.platform === "linux" ? false : "needs Linux";
