import assert from "node:assert/strict";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, suite, test } from "node:test";
import { digestOf, type Digest } from "../oci/index.ts";
import { openBlobCache } from "./blob_cache.ts";

suite("blob cache", () => {
  let root: string;
  beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), "varve-blobs-"));
  });
  afterEach(() => rmSync(root, { recursive: true, force: true }));

  /** Adopts a blob of `size` bytes and dates its last use back by `age` seconds. */
  async function put(content: string, options: { limit?: number; age?: number } = {}): Promise<Digest> {
    const cache = openBlobCache(root, options);
    const digest = digestOf(content);
    const partial = cache.partialPath(digest);
    mkdirSync(dirname(partial), { recursive: true });
    writeFileSync(partial, content);
    await cache.adopt(partial, digest);
    if (options.age !== undefined) {
      const then = Date.now() / 1000 - options.age;
      utimesSync(join(root, "varve/blobs/sha256", digest.slice(7)), then, then);
    }
    return digest;
  }

  test("what was adopted is found under its digest and its partial is gone", async () => {
    const cache = openBlobCache(root);
    const digest = await put("layer");
    const path = await cache.get(digest);
    assert.equal(path, join(root, "varve/blobs/sha256", digest.slice(7)));
    assert.equal(readFileSync(path as string, "utf8"), "layer");
    assert.equal(existsSync(cache.partialPath(digest)), false);
  });

  test("an unknown blob is undefined, also in a root that does not exist yet", async () => {
    assert.equal(await openBlobCache(join(root, "none")).get(digestOf("x")), undefined);
    assert.deepEqual(await openBlobCache(join(root, "none")).list(), []);
  });

  test("the least recently used goes first when the limit is passed", async () => {
    const old = await put("a".repeat(40), { age: 30 });
    const used = await put("b".repeat(40), { age: 60 });
    const cache = openBlobCache(root, { limit: 100 });
    await cache.get(used); // now `old` is the oldest
    const fresh = await put("c".repeat(40), { limit: 100 });
    assert.equal(await cache.get(old), undefined);
    assert.ok(await cache.get(used));
    assert.ok(await cache.get(fresh));
  });

  test("a blob larger than the limit is not kept and pushes nothing else out", async () => {
    const small = await put("small", { age: 60 });
    const huge = await put("d".repeat(500), { limit: 100 });
    assert.equal(await openBlobCache(root).get(huge), undefined);
    assert.ok(await openBlobCache(root).get(small));
  });

  test("a reader that has a blob open keeps its bytes while another process evicts it", async () => {
    const digest = await put("e".repeat(50));
    const { open } = await import("node:fs/promises");
    await using file = await open((await openBlobCache(root).get(digest)) as string);
    await put("f".repeat(80), { limit: 100 });
    assert.equal(await openBlobCache(root).get(digest), undefined);
    assert.equal(await file.readFile("utf8"), "e".repeat(50));
  });

  test("list names whole and partial blobs with their sizes and ignores strangers", async () => {
    const cache = openBlobCache(root);
    const whole = await put("whole");
    const partial = digestOf("partial");
    writeFileSync(cache.partialPath(partial), "par");
    writeFileSync(join(root, "varve/transfers/readme"), "");
    writeFileSync(join(root, "varve/blobs/sha256/not-a-digest"), "");
    const expected = [
      { digest: whole, size: 5, partial: false },
      { digest: partial, size: 3, partial: true },
    ].sort((a, b) => (a.digest < b.digest ? -1 : 1));
    assert.deepEqual(await cache.list(), expected);
  });

  test("sha512 blobs have a folder of their own", async () => {
    const cache = openBlobCache(root);
    const digest = digestOf("x", "sha512");
    mkdirSync(join(root, "varve/transfers"), { recursive: true });
    writeFileSync(cache.partialPath(digest), "x");
    assert.deepEqual(await cache.list(), [{ digest, size: 1, partial: true }]);
    await cache.adopt(cache.partialPath(digest), digest);
    assert.equal(await cache.get(digest), join(root, "varve/blobs/sha512", digest.slice(7)));
    await cache.remove(digest);
    assert.equal(await cache.get(digest), undefined);
  });
});
