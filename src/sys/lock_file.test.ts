import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, rmSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { scratch, unlessLinux } from "../../test/suites/scratch.ts";
import { flock, lockFile } from "./index.ts";
import { AT_FDCWD, O_CREAT, O_RDWR } from "./constants.ts";
import { close, openAt } from "./open.ts";

const skip = unlessLinux;

test("flock: exclusive excludes, shared shares, closing lets go", { skip }, () => {
  using dir = scratch("lock");
  const open = (): number => openAt(AT_FDCWD, join(dir.path, "l"), O_RDWR | O_CREAT, 0o600);
  const [a, b, c] = [open(), open(), open()];
  assert.equal(flock(a, "shared"), true);
  assert.equal(flock(b, "shared"), true);
  assert.equal(flock(c, "exclusive"), false);
  flock(a, "unlock");
  close(b);
  assert.equal(flock(c, "exclusive"), true);
  assert.equal(flock(a, "shared"), false);
  close(a);
  close(c);
});

test("lockFile lets one in at a time", { skip }, async () => {
  using dir = scratch("lock");
  const path = join(dir.path, "l");
  let inside = 0;
  let most = 0;
  const worker = async (): Promise<void> => {
    for (let i = 0; i < 5; i++) {
      await using locks = new AsyncDisposableStack();
      locks.use(await lockFile(path, "exclusive"));
      inside++;
      most = Math.max(most, inside);
      await new Promise((resolve) => setImmediate(resolve));
      inside--;
    }
  };
  await Promise.all([worker(), worker(), worker(), worker()]);
  assert.equal(most, 1);
});

test("a wait for a lock can be cancelled, and leaves the lock to its holder", { skip }, async () => {
  using dir = scratch("lock");
  const path = join(dir.path, "l");
  await using locks = new AsyncDisposableStack();
  locks.use(await lockFile(path, "exclusive"));
  const controller = new AbortController();
  const waiting = lockFile(path, "shared", controller.signal);
  setImmediate(() => controller.abort());
  await assert.rejects(waiting, { kind: "cancelled" });
  await assert.rejects(lockFile(path, "shared", AbortSignal.abort()), { kind: "cancelled" });
});

test("a killed holder lets go", { skip }, async () => {
  using dir = scratch("lock");
  const path = join(dir.path, "l");
  const module = new URL("./index.ts", import.meta.url).href;
  const script = `import(${JSON.stringify(module)}).then(async ({ lockFile }) => {
    await lockFile(${JSON.stringify(path)}); console.log("held"); setInterval(() => {}, 1000); });`;
  const child = spawn(process.execPath, ["-e", script], { stdio: ["ignore", "pipe", "inherit"] });
  await once(child.stdout, "data");
  const waiting = lockFile(path, "exclusive");
  child.kill("SIGKILL");
  const lock = await waiting;
  await lock[Symbol.asyncDispose]();
  await once(child, "close");
  assert.equal(child.signalCode, "SIGKILL");
});

test("who waited for a removed lock file locks the new one", { skip }, async () => {
  using dir = scratch("lock");
  const path = join(dir.path, "l");
  const first = await lockFile(path, "exclusive");
  const waiting = lockFile(path, "exclusive");
  rmSync(path);
  await first[Symbol.asyncDispose]();
  await using locks = new AsyncDisposableStack();
  locks.use(await waiting);
  assert.ok(existsSync(path));
  const fd = openAt(AT_FDCWD, path, O_RDWR);
  assert.equal(flock(fd, "shared"), false);
  close(fd);
});
