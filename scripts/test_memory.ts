/** A file system in memory for the tests: they sync a great deal, and on a disk wait for that most of the time. */
import { spawnSync } from "node:child_process";
import { chmodSync, mkdtempSync, rmdirSync } from "node:fs";
import { freemem, tmpdir } from "node:os";
import { join } from "node:path";

/** Bytes that must be free; the tests take a tenth of it at a time. */
const enough = 8 * 2 ** 30;

/**
 * Mounts one where that is possible and there is memory for it.
 * @returns its directory; undefined: the tests stay where they would be (so does `VARVE_TEST_DISK=1`, for a look at how
 * all does on a disk)
 */
export function memoryForTests(): string | undefined {
  const wanted = process.env["VARVE_TEST_DISK"] !== "1" && process.env["TMPDIR"] === undefined;
  if (!wanted || process.platform !== "linux" || process.geteuid?.() !== 0 || freemem() < enough)
    return undefined;
  const directory = mkdtempSync(join(tmpdir(), "varve-tests-"));
  const { status } = spawnSync("mount", ["-t", "tmpfs", "-o", "mode=1777", "varve-tests", directory]);
  if (status !== 0) {
    rmdirSync(directory);
    return undefined;
  }
  // Ordinary users of the tests go through it.
  chmodSync(directory, 0o1777);
  process.once("exit", () => {
    spawnSync("umount", ["--lazy", directory]);
    rmdirSync(directory);
  });
  for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => process.exit(1));
  return directory;
}
