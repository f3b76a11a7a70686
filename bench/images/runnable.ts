/** An image whose containers can run, with files in it to read. */
import { execFileSync } from "node:child_process";
import { copyFileSync, mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { PackedEntry } from "../../src/tar/index.ts";
import { directoryEntry, fileEntry, type ImageRecipe, symlinkEntry } from "./recipe.ts";
import { entries, type Found, fractionOf, keyOf, sampleFiles } from "./system.ts";

/** File in the image that names some of its small files. */
export const someFiles = "/some-files";
export const someFilesCount = 300;

/**
 * A shell, and a sample of this machine's /usr.
 * @param busybox program that stands for all commands, linked statically: nothing else of the sample can be relied on
 */
export function runnable(quick: boolean, busybox: string): ImageRecipe {
  const found = sampleFiles((quick ? 30 : 250) * 2 ** 20);
  return {
    name: "run",
    title: `busybox and a sample of this machine's /usr, ${found.length.toLocaleString("en")} entries`,
    key: `run-${keyOf(found)}-1`,
    layers: [() => shell(busybox), () => entries("/", found), () => [randomList(found)]],
  };
}

/** A shell and little else, to build on. */
export function buildBase(busybox: string): ImageRecipe {
  const size = readFileSync(busybox).length;
  return { name: "base", title: "busybox", key: `base-${size}-1`, layers: [() => shell(busybox)] };
}

function* shell(busybox: string): Generator<PackedEntry> {
  yield directoryEntry("bin");
  yield fileEntry("bin/busybox", readFileSync(busybox), { mode: 0o755 });
  for (const name of ["sh", "true", "find", "tar", "wc", "cat", "xargs"])
    yield symlinkEntry(`bin/${name}`, "busybox");
}

/** Small files with plain names in no order. */
function randomList(found: readonly Found[]): PackedEntry {
  const small = found.filter(
    ({ path, stats }) => stats.isFile() && stats.size < 32 << 10 && /^[\w./+-]+$/.test(path),
  );
  const some = small
    .map(({ path }) => path)
    .sort((a, b) => fractionOf(`${a} `) - fractionOf(`${b} `))
    .slice(0, someFilesCount);
  return fileEntry(someFiles.slice(1), Buffer.from(some.map((path) => `/${path}\n`).join("")));
}

/** Whether it runs where there is nothing else. */
export function runsAlone(busybox: string, work: string): boolean {
  const root = join(work, "alone");
  mkdirSync(root, { recursive: true });
  // It is asked by its name.
  copyFileSync(busybox, join(root, "busybox"));
  try {
    execFileSync("chroot", [root, "/busybox", "true"], { stdio: "ignore" });
    return true;
  } catch {
    return false;
  }
}
