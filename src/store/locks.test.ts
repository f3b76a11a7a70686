import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { isFailure } from "../errors.ts";
import { dropFreeLocks, openLocks } from "./locks.ts";

function open(t: TestContext) {
  const root = mkdtempSync(join(tmpdir(), "locks-"));
  t.after(() => rmSync(root, { recursive: true }));
  const directory = join(root, "varve/locks");
  return { directory, withLock: openLocks(directory), elsewhere: openLocks(directory) };
}

test("one holder at a time, through two openings of one root", async (t) => {
  const { withLock, elsewhere, directory } = open(t);
  let inside = 0;
  let most = 0;
  const work = async () => {
    most = Math.max(most, ++inside);
    await new Promise(setImmediate);
    inside--;
  };
  await Promise.all(Array.from({ length: 10 }, (_, i) => (i % 2 === 0 ? withLock : elsewhere)("x", work)));
  assert.equal(most, 1);
  assert.deepEqual(readdirSync(directory), [], "locks leave no files behind");
  assert.equal(statSync(directory).mode & 0o777, 0o700);
});

test("files of locks that a kill left go, held ones stay", async (t) => {
  const { withLock, directory } = open(t);
  await withLock("held", async () => {
    writeFileSync(join(directory, "left"), "");
    dropFreeLocks(directory);
    assert.deepEqual(readdirSync(directory), ["held"]);
  });
  dropFreeLocks(join(directory, "nowhere"));
});

test("different names do not wait for each other", async (t) => {
  const { withLock } = open(t);
  assert.equal(await withLock("a", () => withLock("b", async () => "both")), "both");
});

test("a failure of the work is passed on and the lock is free again", async (t) => {
  const { withLock } = open(t);
  await assert.rejects(
    withLock("x", () => Promise.reject(new Error("mine"))),
    { message: "mine" },
  );
  assert.equal(await withLock("x", async () => 1), 1);
});

test("waiting ends when it is cancelled, and the holder keeps the lock", async (t) => {
  const { withLock, elsewhere } = open(t);
  const cancel = new AbortController();
  let ran = false;
  await withLock("x", async () => {
    const waiting = elsewhere("x", async () => void (ran = true), cancel.signal);
    setImmediate(() => cancel.abort());
    await assert.rejects(waiting, (error) => isFailure(error, "cancelled"));
  });
  await assert.rejects(
    withLock("x", async () => void (ran = true), cancel.signal),
    (error) => isFailure(error, "cancelled"),
  );
  assert.equal(ran, false);
});

test("a name that is no file name is refused", async (t) => {
  const { withLock } = open(t);
  for (const name of ["", ".", "../x", "a/b", "-"])
    await assert.rejects(
      withLock(name, async () => 1),
      (error) => isFailure(error, "invalid"),
      name,
    );
});

const holder = `
  import { openLocks } from ${JSON.stringify(join(import.meta.dirname, "locks.ts"))};
  await openLocks(process.argv[1])("x", () => {
    process.stdout.write("held");
    return new Promise(() => setInterval(() => {}, 1000));
  });
`;

test("kill -9 of the holder frees the lock", async (t) => {
  const { directory, withLock } = open(t);
  const child = spawn(process.execPath, ["--input-type=module-typescript", "-e", holder, directory], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  t.after(() => child.kill("SIGKILL"));
  await once(child.stdout, "data");
  const waiting = withLock("x", async () => "mine");
  const first = await Promise.race([waiting, new Promise((done) => setImmediate(done, "held"))]);
  assert.equal(first, "held");
  child.kill("SIGKILL");
  assert.equal(await waiting, "mine");
});
