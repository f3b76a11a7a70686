import assert from "node:assert/strict";
import { test } from "node:test";
import { digestOf, type Digest } from "../../oci/index.ts";
import { linkBlob } from "../blobs.ts";
import { RegistryCore } from "../core.ts";
import { openAccess } from "../access/open_access.ts";
import { serveHttp } from "../access/testing.test.ts";
import { memoryStorage } from "../storage/memory.ts";
import type { StorageDriver } from "../storage/types.ts";
import { LayerUsers } from "./layer_users.ts";
import { WebPages } from "./web_pages.ts";

const [one, two] = [digestOf("1"), digestOf("2")];

/** In memory, with a count of what it is asked. */
function countedStorage() {
  const inner = memoryStorage();
  const count = { calls: 0 };
  const counted = new Proxy(inner, {
    get(target, key: keyof StorageDriver) {
      const value: unknown = target[key];
      if (typeof value !== "function") return value;
      return (...args: unknown[]) => (
        (count.calls += 1),
        (value as (...args: unknown[]) => unknown).apply(target, args)
      );
    },
  });
  return { storage: counted, inner, count };
}

test("users of a layer are found once, and again when something happened there, or after a while", async () => {
  const { storage, count } = countedStorage();
  let now = 0;
  const users = new LayerUsers(storage, { now: () => now, patience: 60_000 });
  const of = async (digest: Digest) => (await users.of([digest])).users.get(digest);
  await linkBlob(storage, "b", one);
  await linkBlob(storage, "a/c", one);
  await linkBlob(storage, "a", two);
  assert.deepEqual(await of(one), ["a/c", "b"]);
  count.calls = 0;
  assert.deepEqual(await of(two), ["a"]);
  assert.equal(count.calls, 0, "nothing was read twice");
  await linkBlob(storage, "b", two);
  assert.deepEqual(await of(two), ["a"]);
  users.forget("b");
  assert.deepEqual(await of(two), ["a", "b"]);
  await linkBlob(storage, "new", two);
  now = 60_000;
  assert.deepEqual(await of(two), ["a", "b", "new"]);
  assert.equal((await users.of([one])).cut, false);
});

test("of more than a thousand repositories it is said that not all were looked into", async () => {
  const storage = memoryStorage();
  for (let i = 0; i <= 1000; i++) await linkBlob(storage, `r${i}`, one);
  const users = new LayerUsers(storage, { patience: 60_000 });
  const { users: found, cut } = await users.of([one]);
  assert.deepEqual([found.get(one)?.length, cut], [1000, true]);
});

test("a slow storage is not waited for: what is known is told, and all of it later", async () => {
  const gate = Promise.withResolvers<void>();
  const storage = memoryStorage();
  const list = storage.list.bind(storage);
  storage.list = async function* (path) {
    if (path.includes("/_layers")) await gate.promise;
    yield* list(path);
  };
  for (const name of ["a", "b"]) await linkBlob(storage, name, one);
  const users = new LayerUsers(storage, { patience: 0 });
  assert.deepEqual(await users.of([one]), { users: new Map([[one, []]]), cut: true });
  gate.resolve();
  let found = await users.of([one]);
  for (let left = 1000; found.cut && left > 0; left--) found = await users.of([one]);
  assert.deepEqual(found, { users: new Map([[one, ["a", "b"]]]), cut: false });
});

test("a page of repositories costs the same however many there are behind it", async () => {
  const costs: number[] = [];
  for (const repositories of [100, 2000]) {
    const { storage, inner, count } = countedStorage();
    // Below few directories, as the storage lists a directory in one go.
    for (let i = 0; i < repositories; i++)
      await linkBlob(inner, `g${String(i % 10)}/r${String(i).padStart(5, "0")}`, one);
    const pages = new WebPages({
      core: new RegistryCore({ storage }),
      storage,
      access: {
        controller: openAccess,
        answer: async () => false,
        [Symbol.asyncDispose]: async () => undefined,
      },
      guard: openAccess,
      count: () => undefined,
      prefix: "/",
      path: "/",
      host: undefined,
    });
    const context = { requestId: "1", onError: (error: unknown) => assert.fail(String(error)) };
    await using server = await serveHttp(
      (request, response) => void pages.answer(request, response, context),
    );
    count.calls = 0;
    const text = await (await fetch(server.url, { headers: { Accept: "text/html" } })).text();
    assert.match(text, /rel="next"/);
    costs.push(count.calls);
  }
  const [few = 0, many = 0] = costs;
  assert.ok(Math.abs(many - few) < 20 && many < 400, `${few} calls of the storage, then ${many}`);
});
