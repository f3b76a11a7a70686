/** The directories of cache mounts: who gets which, who waits, what is listed and goes. */
import assert from "node:assert/strict";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { scratch, unlessLinux } from "../../../test/suites/scratch.ts";
import { isFailure } from "../../errors.ts";
import { cacheMountsFolder } from "../../store/index.ts";
import { listCacheMounts, pruneCacheMounts } from "./list_cache_mounts.ts";
import { takeCache, type TakeCacheOptions, type TakenCache } from "./take_cache.ts";

const { signal } = new AbortController();
const skip = unlessLinux;

function take(
  root: string,
  sharing: TakeCacheOptions["sharing"],
  more: Partial<TakeCacheOptions> = {},
): Promise<TakenCache> {
  return takeCache(root, { id: "npm", sharing, fill: async () => undefined, signal, ...more });
}

test("shared: all have one directory, which is filled once and stays", { skip }, async () => {
  using root = scratch("cache");
  let filled = 0;
  const fill = async (directory: string): Promise<void> =>
    writeFileSync(join(directory, "start"), String(++filled));
  let path: string;
  {
    await using one = await take(root.path, "shared", { fill });
    await using other = await take(root.path, "shared", { fill });
    assert.equal(one.path, other.path);
    path = one.path;
  }
  await using again = await take(root.path, "shared", { fill });
  assert.equal(again.path, path);
  assert.equal(readFileSync(join(path, "start"), "utf8"), "1");
  await using different = await take(root.path, "shared", { id: "../../etc" });
  assert.ok(different.path.startsWith(`${cacheMountsFolder(root.path)}/`));
  assert.notEqual(different.path, path);
});

test("private: who finds it taken gets another one; later the first that is free", { skip }, async () => {
  using root = scratch("cache");
  const paths: string[] = [];
  {
    await using one = await take(root.path, "private");
    await using two = await take(root.path, "private");
    await using three = await take(root.path, "shared");
    paths.push(one.path, two.path, three.path);
  }
  assert.equal(new Set(paths).size, 3);
  await using again = await take(root.path, "private");
  assert.equal(again.path, paths[0]);
});

test("locked: the next waits, says so, and gets the same directory", { skip }, async () => {
  using root = scratch("cache");
  const first = await take(root.path, "locked");
  const told = Promise.withResolvers<string>();
  const waiting = take(root.path, "locked", { onWait: told.resolve });
  assert.equal(await told.promise, "waiting for the cache npm, which another step uses");
  await first[Symbol.asyncDispose]();
  await using second = await waiting;
  assert.equal(second.path, first.path);
});

test("locked: waiting ends at the abort", { skip }, async () => {
  using root = scratch("cache");
  await using first = await take(root.path, "shared");
  void first;
  const controller = new AbortController();
  const waiting = take(root.path, "locked", { signal: controller.signal, onWait: () => controller.abort() });
  await assert.rejects(waiting, (error) => isFailure(error, "cancelled"));
});

test("a directory whose filling failed is made anew", { skip }, async () => {
  using root = scratch("cache");
  const fill = async (directory: string): Promise<void> => {
    writeFileSync(join(directory, "half"), "");
    throw new Error("the disk is full");
  };
  await assert.rejects(take(root.path, "locked", { fill }), /the disk is full/);
  await using taken = await take(root.path, "locked");
  assert.ok(!existsSync(join(taken.path, "half")));
});

test("they are listed, and pruned unless they are in use", { skip }, async () => {
  using root = scratch("cache");
  assert.deepEqual(await listCacheMounts(root.path, signal), []);
  {
    await using free = await take(root.path, "shared");
    writeFileSync(join(free.path, "big"), Buffer.alloc(100_000, 1));
  }
  await using busy = await take(root.path, "shared", { id: "/root/.cache" });
  const listed = (await listCacheMounts(root.path, signal)).sort((a, b) => a.id.localeCompare(b.id));
  assert.deepEqual(
    listed.map(({ id, inUse, size, lastUsed }) => [id, inUse, size > 100_000, lastUsed.getTime() > 0]),
    [
      ["/root/.cache", true, false, true],
      ["npm", false, true, true],
    ],
  );
  assert.deepEqual(await pruneCacheMounts(root.path, () => false, signal), []);
  const gone = await pruneCacheMounts(root.path, () => true, signal);
  assert.deepEqual(
    gone.map(({ id }) => id),
    ["npm"],
  );
  assert.deepEqual(
    (await listCacheMounts(root.path, signal)).map(({ path }) => path),
    [busy.path],
  );
  await using again = await take(root.path, "shared");
  assert.ok(existsSync(again.path) && !existsSync(join(again.path, "big")));
});

test("what a killed prune left goes with the next", { skip }, async () => {
  using root = scratch("cache");
  let folder: string;
  {
    await using taken = await take(root.path, "shared");
    folder = join(taken.path, "..");
  }
  mkdirSync(join(folder, "1.new/deep"), { recursive: true });
  await pruneCacheMounts(root.path, () => true, signal);
  assert.equal(existsSync(folder), false);
});
