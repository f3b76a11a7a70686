import assert from "node:assert/strict";
import { mkdir, mkdtemp, readdir, rm, stat, utimes, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { storageDriverSuite } from "../../../test/suites/storage_driver_suite.ts";
import { fromBytes } from "../../bytes/index.ts";
import { isFailure } from "../../errors.ts";
import { filesystemStorage } from "./filesystem.ts";

storageDriverSuite("filesystem", async () => {
  const place = await mkdtemp(join(tmpdir(), "varve-filesystem-suite-"));
  return {
    open: async () => filesystemStorage(place),
    [Symbol.asyncDispose]: () => rm(place, { recursive: true }),
  };
});

const root = await mkdtemp(join(tmpdir(), "varve-filesystem-"));
after(() => rm(root, { recursive: true }));
const storage = filesystemStorage(root);
const { signal } = new AbortController();

test("B158 files are 0644, directories 0755", async () => {
  await storage.write("modes/a/link", Buffer.from("x"));
  await using upload = await storage.appendTo("modes/b/data", { continuing: false });
  await upload.append(fromBytes(Buffer.from("y")), signal);
  for (const [path, mode] of [
    ["modes/a/link", 0o644],
    ["modes/b/data", 0o644],
    ["modes/a", 0o755],
    ["modes", 0o755],
  ] as const) {
    assert.equal((await stat(join(root, path))).mode & 0o777, mode, path);
  }
});

test("an upload grows in place, so that another server finds it", async () => {
  await using upload = await storage.appendTo("grow/data", { continuing: false });
  await upload.append(fromBytes(Buffer.from("abc")), signal);
  assert.equal((await stat(join(root, "grow/data"))).size, 3);
});

test("bytes that come after another process has made a blob of the file do not get into the blob", async () => {
  await using late = await storage.appendTo("late/data", { continuing: false });
  await late.append(fromBytes(Buffer.from("abc")), signal);
  await filesystemStorage(root).move("late/data", "late/blob");
  const more = late.append(fromBytes(Buffer.from("d")), signal);
  await assert.rejects(more, (error) => isFailure(error, "not-found"));
  assert.equal(Buffer.from((await storage.read("late/blob")) ?? []).toString(), "abc");
});

test("what a killed write or removal left behind is not listed, and goes", async () => {
  await storage.write("left/a", Buffer.from("x"));
  await writeFile(join(root, "left/.tmp-1"), "half");
  await storage.write(".removing/1/old", Buffer.from("x"));
  for (const [name, hours] of [
    ["old", 2],
    ["new", 0],
  ] as const) {
    await mkdir(join(root, ".writing", name, "current"), { recursive: true });
    const time = new Date(Date.now() - hours * 3_600_000);
    await utimes(join(root, ".writing", name), time, time);
  }
  const names = async (path: string) => (await Array.fromAsync(storage.list(path))).map(({ name }) => name);
  assert.deepEqual(await names("left"), ["a"]);
  assert.deepEqual(
    (await names("")).filter((name) => name.startsWith(".")),
    [],
  );
  const restarted = filesystemStorage(root);
  await restarted.write("gone/a/b", Buffer.from("x"));
  await restarted.remove("gone");
  assert.ok(!(await readdir(root)).includes(".removing"));
  assert.deepEqual(await readdir(join(root, ".writing")), ["new"], "somebody may be at that one");
  await rm(join(root, ".writing"), { recursive: true });
});

test("B162 who lists sees no directory before there is in it what was written", async () => {
  const lacking: string[] = [];
  const writers = Array.from({ length: 40 }, async (_, i) => {
    const path = `sight/t${i}/current/link`;
    if (i % 2 === 0) await storage.write(path, Buffer.from("x"));
    else assert.equal(await storage.writeNew(path, Buffer.from("x")), true);
  });
  const writing = Promise.all(writers).then(() => false);
  const turn = () => new Promise<boolean>((resolve) => setImmediate(resolve, true));
  while (await Promise.race([writing, turn()]))
    for await (const { name } of storage.list("sight"))
      if ((await storage.stat(`sight/${name}/current/link`)) === undefined) lacking.push(name);
  assert.deepEqual(lacking, []);
  assert.equal((await Array.fromAsync(storage.list("sight"))).length, 40);
  assert.equal(await storage.writeNew("sight/t0/current/link", Buffer.from("y")), false);
  assert.ok(!(await readdir(root)).includes(".writing"));
});

test("many writers below a directory that others empty all get through", async () => {
  const turn = async (i: number): Promise<void> => {
    for (let round = 0; round < 20; round++) {
      await storage.write(`crowd/deep/${i}`, Buffer.from(String(round)));
      assert.equal(Buffer.from((await storage.read(`crowd/deep/${i}`)) ?? []).toString(), String(round));
      await storage.remove(`crowd/deep/${i}`);
    }
  };
  await Promise.all([0, 1, 2, 3].map(turn));
  assert.equal(await storage.stat("crowd"), undefined);
});
