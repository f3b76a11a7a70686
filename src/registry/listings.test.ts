import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { pushBlob, refusal, pushSmallImage, serveOn } from "../../test/suites/registry_requests.ts";
import { digestOf } from "../oci/index.ts";
import { repositoriesAfter } from "./repositories.ts";
import { memoryStorage } from "./storage/memory.ts";
import type { StorageDriver } from "./storage/types.ts";
import { paths } from "./tree.ts";

const link = Buffer.from(digestOf("x"));

/** Follows `Link` from a path to the end. */
async function pages<Key extends string>(origin: string, path: string, key: Key): Promise<string[][]> {
  const found: string[][] = [];
  for (let next: string | undefined = path; next !== undefined;) {
    const answer: Response = await fetch(`${origin}${next}`);
    found.push(((await answer.json()) as Record<Key, string[]>)[key]);
    next = /^<(.*)>; rel="next"$/.exec(answer.headers.get("link") ?? "")?.[1];
  }
  return found;
}

test("B165 tags in pages: each once, in order, the last page without Link; n=0 is empty; an emptied list is []", async () => {
  const storage = memoryStorage();
  await using registry = await serveOn({ storage });
  const { origin } = registry;
  for (const tag of ["b", "a", "C", "1.0", "1.0-x", "_"])
    await storage.write(paths.tagCurrent("t", tag), link);
  const sorted = ["1.0", "1.0-x", "C", "_", "a", "b"];
  assert.deepEqual(await pages(origin, "/v2/t/tags/list", "tags"), [sorted]);
  for (const n of [1, 2, 4, 5, 6, 7]) {
    const found = await pages(origin, `/v2/t/tags/list?n=${n}`, "tags");
    assert.deepEqual(found.flat(), sorted);
    assert.equal(found.length, Math.ceil(sorted.length / n));
  }
  assert.deepEqual(await pages(origin, "/v2/t/tags/list?n=0", "tags"), [[]]);
  assert.deepEqual(await pages(origin, "/v2/t/tags/list?last=C0&n=2", "tags"), [["_", "a"], ["b"]]);
  for (const n of ["-1", "x", "1e3", ""]) {
    assert.deepEqual(await refusal(fetch(`${origin}/v2/t/tags/list?n=${n}`)), [
      400,
      "PAGINATION_NUMBER_INVALID",
    ]);
  }
  await pushBlob(origin, "emptied", "x");
  const emptied = await fetch(`${origin}/v2/emptied/tags/list`);
  assert.equal(await emptied.text(), '{"name":"emptied","tags":[]}\n');
});

test("B165 the catalog is in the order of the characters, whatever nests in what", async () => {
  const component = fc.stringMatching(/^[ab]{1,2}(?:[._-][ab]{1,2})?$/);
  const name = fc.array(component, { minLength: 1, maxLength: 3 }).map((parts) => parts.join("/"));
  const property = fc.asyncProperty(fc.uniqueArray(name, { maxLength: 12 }), name, async (names, last) => {
    const storage = memoryStorage();
    for (const each of names) await storage.write(paths.layerLink(each, digestOf("x")), link);
    const sorted = names.toSorted();
    assert.deepEqual(await Array.fromAsync(repositoriesAfter(storage)), sorted);
    const rest = sorted.filter((each) => each > last);
    assert.deepEqual(await Array.fromAsync(repositoriesAfter(storage, last)), rest);
  });
  await fc.assert(property);
});

test("B165 a page of 10,000 repositories or tags costs what it shows", async () => {
  const storage = memoryStorage();
  const names = Array.from({ length: 10_000 }, (_, i) => `group-${i % 100}/app-${i}`).sort();
  for (const name of names) await storage.write(paths.layerLink(name, digestOf("x")), link);
  for (let i = 0; i < 10_000; i++) await storage.write(paths.tagCurrent("tagged", `t${i}`), link);
  let touched = 0;
  const counting: StorageDriver = {
    ...storage,
    name: "counting",
    list: (path) => (touched++, storage.list(path)),
    stat: (path) => (touched++, storage.stat(path)),
    read: (path) => (touched++, storage.read(path)),
  };
  await using registry = await serveOn({ storage: counting });
  const page = await fetch(`${registry.origin}/v2/_catalog?n=10&last=${names[4999]}`);
  assert.deepEqual(await page.json(), { repositories: names.slice(5000, 5010) });
  assert.ok(touched < 40, `${touched} steps for ten repositories`);
  touched = 0;
  const tags = (await (await fetch(`${registry.origin}/v2/tagged/tags/list?n=10&last=t5`)).json()) as {
    tags: string[];
  };
  assert.equal(tags.tags.length, 10);
  assert.equal(touched, 1);
});

test("B165 without n a page of the catalog is a thousand names", async () => {
  const storage = memoryStorage();
  for (let i = 0; i < 1500; i++) await storage.write(paths.layerLink(`r${i}`, digestOf("x")), link);
  await using registry = await serveOn({ storage });
  const found = await pages(registry.origin, "/v2/_catalog", "repositories");
  assert.deepEqual(
    found.map(({ length }) => length),
    [1000, 500],
  );
});

test("a push that was killed between any two writes leaves only tags that resolve", async () => {
  const steps = await countWrites(Infinity);
  for (let allowed = 0; allowed <= steps.writes; allowed++) {
    const { storage } = await countWrites(allowed);
    await using registry = await serveOn({ storage });
    const list = await fetch(`${registry.origin}/v2/k/tags/list`);
    const { tags = [] } = (await list.json()) as { tags?: string[] };
    for (const tag of tags) {
      const manifest = await fetch(`${registry.origin}/v2/k/manifests/${tag}`);
      assert.equal(manifest.status, 200, `after ${allowed} writes`);
      const { config } = (await manifest.json()) as { config: { digest: string } };
      assert.equal((await fetch(`${registry.origin}/v2/k/blobs/${config.digest}`)).status, 200);
    }
  }
});

/** Pushes an image and deletes its tag on a storage that fails for good after so many changes. */
async function countWrites(allowed: number): Promise<{ storage: StorageDriver; writes: number }> {
  const storage = memoryStorage();
  let writes = 0;
  const guard =
    <Arguments extends unknown[], Result>(act: (...args: Arguments) => Promise<Result>) =>
    async (...args: Arguments): Promise<Result> => {
      if (writes >= allowed) throw new Error("killed");
      writes++;
      return act.apply(storage, args);
    };
  const dying: StorageDriver = {
    ...storage,
    name: "dying",
    read: (path) => storage.read(path),
    stat: (path) => storage.stat(path),
    list: (path) => storage.list(path),
    open: (path, range, signal) => storage.open(path, range, signal),
    write: guard(storage.write),
    writeNew: guard(storage.writeNew),
    move: guard(storage.move),
    remove: guard(storage.remove),
    appendTo: guard(storage.appendTo),
  };
  await using registry = await serveOn({ storage: dying });
  await pushSmallImage(registry.origin, "k", "t").catch(() => undefined);
  await fetch(`${registry.origin}/v2/k/manifests/t`, { method: "DELETE" });
  return { storage, writes };
}
