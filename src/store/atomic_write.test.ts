import assert from "node:assert/strict";
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { mount, unmount } from "../sys/index.ts";
import { ensureDirectory, writeAtomically, writeSynced } from "./atomic_write.ts";

function folder(t: TestContext, umask = 0o022): string {
  const root = mkdtempSync(join(tmpdir(), "atomic-"));
  const before = process.umask(umask);
  t.after(() => {
    process.umask(before);
    rmSync(root, { recursive: true });
  });
  return root;
}

test("a file is replaced as a whole, with the mode asked for whatever the umask", async (t) => {
  const root = folder(t, 0o777);
  const path = join(root, "x");
  await writeAtomically(path, "one", 0o644);
  const { ino } = statSync(path);
  await writeAtomically(path, Buffer.from("two"), 0o600);
  assert.equal(readFileSync(path, "utf8"), "two");
  assert.equal(statSync(path).mode & 0o777, 0o600);
  assert.notEqual(statSync(path).ino, ino, "who had the old file open still has the old content");
  assert.deepEqual(readdirSync(root), ["x"]);
});

test("a failed write leaves the old file and nothing else", async (t) => {
  const root = folder(t);
  mkdirSync(join(root, "x"));
  await assert.rejects(writeAtomically(join(root, "x"), "one", 0o644));
  assert.deepEqual(readdirSync(root), ["x"]);
});

test("writeSynced never follows or replaces what is there", async (t) => {
  const root = folder(t);
  symlinkSync("target", join(root, "link"));
  await assert.rejects(writeSynced(join(root, "link"), "x", 0o644), { code: "EEXIST" });
  assert.deepEqual(readdirSync(root), ["link"]);
});

test("missing directories are made with the mode, existing ones are left", async (t) => {
  const root = folder(t, 0o077);
  assert.equal(await ensureDirectory(join(root, "a/b/c"), 0o755), true);
  assert.equal(await ensureDirectory(join(root, "a/b"), 0o700), false);
  for (const path of ["a", "a/b", "a/b/c"]) assert.equal(statSync(join(root, path)).mode & 0o777, 0o755);
  await Promise.all([1, 2, 3].map(() => ensureDirectory(join(root, "x/y"), 0o711)));
  assert.equal(statSync(join(root, "x/y")).mode & 0o777, 0o711);
});

test("a parent that is a file or a link to nowhere is an error, not a loop", async (t) => {
  const root = folder(t);
  writeFileSync(join(root, "file"), "");
  symlinkSync("nowhere", join(root, "link"));
  await assert.rejects(ensureDirectory(join(root, "file/x"), 0o755), { code: "ENOTDIR" });
  await assert.rejects(ensureDirectory(join(root, "link/x"), 0o755), { code: "ENOENT" });
});

const unlessRoot = process.geteuid?.() === 0 ? false : "needs root, to mount a small disk";

test("on a full disk the old file stays, and the failure says so", { skip: unlessRoot }, async (t) => {
  const root = folder(t);
  mkdirSync(join(root, "disk"));
  try {
    mount("tmpfs", join(root, "disk"), "tmpfs", 0, "size=16k");
  } catch (error) {
    return t.skip((error as Error).message);
  }
  try {
    const path = join(root, "disk/x");
    await writeAtomically(path, "old", 0o644);
    await assert.rejects(writeAtomically(path, Buffer.alloc(32 * 1024), 0o644), {
      kind: "no-space",
      message: `cannot write ${path}: no space left on device`,
    });
    assert.deepEqual(readdirSync(join(root, "disk")), ["x"]);
    assert.equal(readFileSync(path, "utf8"), "old");
  } finally {
    unmount(join(root, "disk"));
  }
});
