import assert from "node:assert/strict";
import { closeSync, mkdirSync, openSync, readlinkSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { Worker } from "node:worker_threads";
import { scratch, unlessLinux } from "../../test/suites/scratch.ts";
import * as sys from "./index.ts";

const skip = unlessLinux;

/** Where an open descriptor points, by the kernel's word. */
const placeOf = (fd: number): string => {
  const path = readlinkSync(`/proc/self/fd/${fd}`);
  sys.close(fd);
  return path;
};

test("openAt opens relative to a directory, close-on-exec, with the mode that was asked", { skip }, () => {
  using dir = scratch("sys");
  const dirfd = openSync(dir.path, "r");
  const fd = sys.openAt(dirfd, "a", sys.O_WRONLY | sys.O_CREAT | sys.O_EXCL, 0o640);
  sys.write(fd, Buffer.from("hello"));
  assert.equal(sys.fstat(fd).mode, sys.S_IFREG | 0o640);
  assert.equal(placeOf(fd), join(dir.path, "a"));
  assert.throws(() => sys.openAt(dirfd, "a", sys.O_WRONLY | sys.O_CREAT | sys.O_EXCL, 0o640), {
    code: "EEXIST",
    kind: "conflict",
  });
  closeSync(dirfd);
});

test("names are bytes: latin1, invalid UTF-8 and ASCII reach the disk as given", { skip }, () => {
  using dir = scratch("sys");
  const dirfd = openSync(dir.path, "r");
  const names = ["plain", "caf\xe9", "\xff\xfe", "\xc3\xa9", "a b\n"];
  for (const name of names) sys.close(sys.openAt(dirfd, name, sys.O_WRONLY | sys.O_CREAT, 0o600));
  assert.deepEqual(
    sys
      .readDir(dirfd)
      .map((entry) => entry.name)
      .sort(),
    [...names].sort(),
  );
  closeSync(dirfd);
});

test("a NUL byte in a name is refused, not cut", { skip }, () => {
  using dir = scratch("sys");
  const path = join(dir.path, "a");
  assert.throws(() => sys.openAt(sys.AT_FDCWD, `${path}\0b`, sys.O_WRONLY | sys.O_CREAT, 0o600), {
    kind: "invalid",
  });
  assert.throws(() => statSync(path), { code: "ENOENT" });
});

test("openIn resolves absolute names, symlinks and .. inside the root (B013)", { skip }, () => {
  using dir = scratch("sys");
  const root = join(dir.path, "root");
  mkdirSync(join(root, "etc"), { recursive: true });
  writeFileSync(join(root, "etc/passwd"), "inside");
  symlinkSync("/etc", join(root, "absolute"));
  symlinkSync("../../../etc", join(root, "climbing"));
  const rootFd = openSync(root, "r");
  for (const path of [
    "etc/passwd",
    "/etc/passwd",
    "../../etc/passwd",
    "absolute/passwd",
    "climbing/passwd",
  ]) {
    assert.equal(placeOf(sys.openIn(rootFd, path, sys.O_RDONLY)), join(root, "etc/passwd"), path);
  }
  closeSync(rootFd);
});

test("openBeneath refuses symlinks and leaving (B013)", { skip }, () => {
  using dir = scratch("sys");
  mkdirSync(join(dir.path, "in/sub"), { recursive: true });
  symlinkSync("sub", join(dir.path, "in/link"));
  const fd = openSync(join(dir.path, "in"), "r");
  const flags = sys.O_RDONLY | sys.O_DIRECTORY;
  assert.equal(placeOf(sys.openBeneath(fd, "sub", flags)), join(dir.path, "in/sub"));
  assert.throws(() => sys.openBeneath(fd, "link", flags), { code: "ELOOP" });
  assert.throws(() => sys.openBeneath(fd, "../in", flags), { code: "EXDEV" });
  assert.throws(() => sys.openBeneath(fd, "/", flags), { code: "EXDEV" });
  closeSync(fd);
});

test("a failure tells call, name, state and kind", { skip }, () => {
  assert.throws(() => sys.openAt(sys.AT_FDCWD, "/nowhere/\xc3\xa9", 0), {
    name: "SysError",
    message: "open /nowhere/é: no such file or directory (ENOENT)",
    kind: "not-found",
    code: "ENOENT",
    errno: 2,
    syscall: "open",
  });
  assert.throws(() => sys.close(999_999), { code: "EBADF", kind: "internal" });
});

test("system calls work inside a worker thread", { skip }, async () => {
  using dir = scratch("sys");
  const source = `
    const { workerData } = require("node:worker_threads");
    import(workerData.index).then((sys) => {
      sys.mkdirAt(sys.AT_FDCWD, workerData.path, 0o750);
      try { sys.mkdirAt(sys.AT_FDCWD, workerData.path, 0o750); } catch (error) {
        require("node:worker_threads").parentPort.postMessage(error.code);
      }
    });`;
  const path = join(dir.path, "made");
  const index = new URL("./index.ts", import.meta.url).href;
  const worker = new Worker(source, { eval: true, workerData: { index, path } });
  const { promise, resolve, reject } = Promise.withResolvers<unknown>();
  worker.once("message", resolve).once("error", reject);
  assert.equal(await promise, "EEXIST");
  await worker.terminate();
  assert.equal(statSync(path).mode & 0o7777, 0o750);
});
