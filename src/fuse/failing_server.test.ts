/** What users of a mount see when the server or its tars are gone: errors, at once, and nothing that hangs. */
import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { closeSync, mkdirSync, openSync, readFileSync, readSync, rmSync, truncateSync } from "node:fs";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { setTimeout } from "node:timers/promises";
import { test } from "node:test";
import { scratch, unlessRoot } from "../../test/suites/scratch.ts";
import * as sys from "../sys/index.ts";
import { mountFuse, serveTree } from "./index.ts";
import { fuseSkip, serve } from "./serving_fixture.ts";
import { directory, pattern, symlink, TarFixture } from "./tree_fixture.ts";

const skip =
  unlessRoot ||
  ((): string | false => {
    using dir = scratch("fuse");
    return fuseSkip(dir.path);
  })();

test("a killed server: every access is ENOTCONN, and it can be unmounted", { skip }, async () => {
  using dir = scratch("fuse");
  const tar = new TarFixture();
  const root = directory({ file: tar.file(pattern(1_000_000)), small: tar.file("x"), other: symlink("x") });
  await using served = await serve(dir.path, root, [tar.bytes()]);
  // From here on the kernel knows that there is nothing to flush, so that a close does not fail later on.
  readFileSync(join(served.path, "small"));
  const [file, mount] = ["file", "."].map((name) => openSync(join(served.path, name), "r")) as [
    number,
    number,
  ];
  assert.equal(readSync(file, Buffer.alloc(10), 0, 10, 0), 10);
  process.kill(served.pid, "SIGKILL");
  await served.ended();
  const accesses: [string, () => void][] = [
    ["stat", () => sys.statAt(sys.AT_FDCWD, join(served.path, "other"))],
    ["open", () => sys.openAt(sys.AT_FDCWD, join(served.path, "none"), sys.O_RDONLY)],
    ["list", () => sys.readDir(mount)],
    ["read", () => sys.pread(file, Buffer.alloc(10), 900_000)],
  ];
  for (const [what, access] of accesses) assert.throws(access, { code: "ENOTCONN" }, what);
  closeSync(file);
  closeSync(mount);
  sys.unmount(served.path);
});

test("who waits for a server that is killed gets an error", { skip }, async () => {
  using dir = scratch("fuse");
  const tar = new TarFixture();
  await using served = await serve(dir.path, directory({ file: tar.file("x") }), [tar.bytes()]);
  process.kill(served.pid, "SIGSTOP");
  const reader = spawn("cat", [join(served.path, "file")], { stdio: ["ignore", "ignore", "pipe"] });
  const ended = once(reader, "close") as Promise<[number]>;
  const said = text(reader.stderr);
  await setTimeout(200);
  assert.equal(reader.exitCode, null, "it waits");
  process.kill(served.pid, "SIGKILL");
  assert.deepEqual(await ended, [1, null]);
  assert.match(await said, /not connected|connection abort/i);
});

test("who is killed while it waits does not harm others", { skip }, async () => {
  using dir = scratch("fuse");
  const tar = new TarFixture();
  await using served = await serve(dir.path, directory({ file: tar.file("x") }), [tar.bytes()]);
  process.kill(served.pid, "SIGSTOP");
  const readers = [0, 1, 2].map(() => spawn("cat", [join(served.path, "file")], { stdio: "ignore" }));
  const ended = readers.map((reader) => once(reader, "close"));
  await setTimeout(200);
  for (const reader of readers) reader.kill("SIGKILL");
  await setTimeout(50);
  process.kill(served.pid, "SIGCONT");
  await Promise.all(ended);
  assert.equal(readFileSync(join(served.path, "file"), "utf8"), "x");
});

test("a tar that was cut short: EIO, never zeros; all the rest is readable", { skip }, async () => {
  using dir = scratch("fuse");
  const tar = new TarFixture();
  const bytes = pattern(2_000_000);
  const root = directory({ whole: tar.file("whole"), cut: tar.file(bytes) });
  await using served = await serve(dir.path, root, [tar.bytes()]);
  truncateSync(served.tars[0] as string, tar.bytes().length - 1_000_000);
  const fd = openSync(join(served.path, "cut"), "r");
  const part = Buffer.alloc(4096);
  readSync(fd, part, 0, 4096, 500_000);
  assert.ok(part.equals(bytes.subarray(500_000, 504_096)));
  for (const position of [999_500, 1_000_000, 1_500_000, 1_999_999]) {
    assert.throws(() => readSync(fd, part, 0, 4096, position), { code: "EIO" }, `at ${position}`);
  }
  assert.throws(() => readFileSync(join(served.path, "cut")), { code: "EIO" });
  assert.equal(spawnSync("cat", [join(served.path, "cut")]).status, 1);
  assert.equal(readFileSync(join(served.path, "whole"), "utf8"), "whole");
  closeSync(fd);
});

test("a tar that was unlinked stays as long as the mount", { skip }, async () => {
  using dir = scratch("fuse");
  const tar = new TarFixture();
  await using served = await serve(dir.path, directory({ file: tar.file("x") }), [tar.bytes()]);
  // The first answer means that all tars are open.
  sys.statAt(sys.AT_FDCWD, join(served.path, "file"));
  rmSync(served.tars[0] as string);
  assert.equal(readFileSync(join(served.path, "file"), "utf8"), "x");
});

test("a server that cannot open a tar ends at once", { skip }, () => {
  using dir = scratch("fuse");
  const place = join(dir.path, "mounted");
  mkdirSync(place);
  const fuse = mountFuse(place);
  try {
    // Beside the mount: from within, this process would wait for its own answer.
    const sources = [join(dir.path, "none.tar")];
    assert.throws(() => serveTree({ fuse, root: directory({}), sources }), { code: "ENOENT" });
  } finally {
    sys.unmount(place, { detach: true });
    sys.close(fuse);
  }
});

test("without FUSE, or a place to mount, nothing stays open", { skip }, () => {
  using dir = scratch("fuse");
  const device = join(dir.path, "none");
  assert.throws(() => mountFuse(dir.path, { device }), {
    kind: "unsupported",
    message: /this system has no FUSE/,
  });
  const next = openSync("/dev/null", "r");
  closeSync(next);
  assert.throws(() => mountFuse(join(dir.path, "none")), { code: "ENOENT" });
  assert.equal(openSync("/dev/null", "r"), next);
  closeSync(next);
});
