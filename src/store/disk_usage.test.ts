import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { linkSync, mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { scratch, unlessLinux } from "../../test/suites/scratch.ts";
import { DiskUsage } from "./disk_usage.ts";

/** What du(1) says, in bytes of blocks. */
function du(...paths: string[]): number {
  const lines = execFileSync("du", ["-s", "-c", "--block-size=1", ...paths], { encoding: "utf8" });
  return Number(lines.trimEnd().split("\n").at(-1)?.split("\t")[0]);
}

function fill(root: string): void {
  mkdirSync(join(root, "a/b"), { recursive: true });
  writeFileSync(join(root, "a/one"), Buffer.alloc(100_000, 1));
  writeFileSync(join(root, "a/b/small"), "x");
  linkSync(join(root, "a/one"), join(root, "a/b/again"));
  symlinkSync("/", join(root, "a/link"));
  symlinkSync("x".repeat(200), join(root, "a/long"));
}

test(
  "a tree counts as du counts it: hard links once, links not followed",
  { skip: unlessLinux },
  async () => {
    using root = scratch("usage");
    fill(root.path);
    const usage = new DiskUsage();
    assert.equal(await usage.of(root.path), du(root.path));
    assert.equal(usage.inodes, 7);
  },
);

test("one count over two trees counts a file with a name in each once", { skip: unlessLinux }, async () => {
  using root = scratch("usage");
  mkdirSync(join(root.path, "x"));
  mkdirSync(join(root.path, "y"));
  writeFileSync(join(root.path, "x/f"), Buffer.alloc(50_000, 1));
  linkSync(join(root.path, "x/f"), join(root.path, "y/f"));
  const usage = new DiskUsage();
  const sum = (await usage.of(join(root.path, "x"))) + (await usage.of(join(root.path, "y")));
  assert.equal(sum, du(join(root.path, "x"), join(root.path, "y")));
});

test("what is counted apart is left out, and the parts add up", { skip: unlessLinux }, async () => {
  using root = scratch("usage");
  fill(root.path);
  const apart = join(root.path, "a/b");
  const usage = new DiskUsage([apart]);
  const rest = await usage.of(root.path);
  const inside = await usage.of(apart);
  assert.ok(inside > 0);
  assert.equal(rest + inside, du(root.path));
});

test("a missing path takes nothing", { skip: unlessLinux }, async () => {
  assert.equal(await new DiskUsage().of("/nonexistent/varve"), 0);
});
