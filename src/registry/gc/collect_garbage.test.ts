import assert from "node:assert/strict";
import { test } from "node:test";
import { digestOf, type Digest } from "../../oci/index.ts";
import { isFailure } from "../../errors.ts";
import { filesBelow, HandClock, putBlob, putImage, putIndex } from "../../../test/support/registry_tree.ts";
import { findBlob } from "../blobs.ts";
import { readRevision, removeTag, resolveTag } from "../manifest_store.ts";
import { memoryStorage } from "../storage/memory.ts";
import type { StorageDriver } from "../storage/types.ts";
import { paths } from "../tree.ts";
import { guardOf } from "./blob_guard.ts";
import { collectGarbage, garbageSummary, type GarbageOptions } from "./collect_garbage.ts";
import { decisionText, type Decision } from "./decision.ts";
import { day, hour } from "./gc_clock.ts";
import { guardedStorage } from "./guarded_storage.ts";
import { deletedItems, undelete } from "./undelete.ts";

async function collect(storage: StorageDriver, options: GarbageOptions) {
  const decisions: Decision[] = [];
  const run = collectGarbage(storage, options);
  for (let step = await run.next(); ; step = await run.next()) {
    if (step.done) return { decisions, report: step.value, texts: decisions.map(decisionText) };
    decisions.push(step.value);
  }
}

const at = { quiet: true, grace: 0, trash: 0 };
const has = async (storage: StorageDriver, digest: Digest) =>
  (await storage.stat(paths.blob(digest))) !== undefined;

test("B169 marks through indexes and subjects, sweeps the rest, and says why", async () => {
  const storage = memoryStorage();
  const member = await putImage(storage, "a/b", undefined, { layers: ["one", "two"] });
  const index = await putIndex(storage, "a/b", "v1", [member]);
  const signature = await putImage(storage, "a/b", undefined, { label: "sig", layers: [], subject: member });
  const old = await putImage(storage, "a/b", undefined, { label: "old", layers: ["one", "three"] });
  const loose = await putBlob(storage, "c", Buffer.from("pushed and forgotten"));
  const { report, texts } = await collect(storage, { ...at, untagged: true });
  assert.equal(garbageSummary(report), "7 blobs marked, 4 blobs and 1 manifests eligible for deletion");
  const [one, three] = [digestOf("one"), digestOf("three")];
  assert.ok(texts.includes(`kept: blob ${one} <- manifest ${member} <- manifest ${index} <- tag a/b:v1`));
  assert.ok(texts.some((text) => text.startsWith(`kept: manifest a/b@${signature} <- subject ${member} <-`)));
  assert.ok(texts.some((text) => text.startsWith(`deleted: manifest a/b@${old}: untagged since 20`)));
  assert.ok(texts.some((text) => text.startsWith(`deleted: blob ${three}: unreferenced since 20`)));
  assert.ok(texts.some((text) => text.startsWith(`deleted: layer link a/b@${three}: unreferenced since 20`)));
  assert.deepEqual(
    [await has(storage, one), await has(storage, three), await has(storage, loose)],
    [true, false, false],
  );
});

test("B169 without the option, an untagged manifest keeps what it leads to", async () => {
  const storage = memoryStorage();
  await putImage(storage, "a", undefined, { layers: ["one"] });
  const { report } = await collect(storage, at);
  assert.equal(garbageSummary(report), "3 blobs marked, 0 blobs and 0 manifests eligible for deletion");
});

test("B169 a dry run decides what a run at the same time decides, and changes nothing", async () => {
  const storage = memoryStorage();
  const clock = new HandClock();
  await putImage(storage, "a", "v1", { layers: ["one"] });
  await putImage(storage, "a", undefined, { label: "old", layers: ["two"] });
  await storage.write(`${paths.upload("a", "0".repeat(8))}/data`, Buffer.from("?"));
  for (const wait of [0, 2 * hour, 8 * day]) {
    clock.time += wait;
    const before = await filesBelow(storage);
    const dry = await collect(storage, { clock, untagged: true, dryRun: true });
    assert.deepEqual(await filesBelow(storage), before);
    const real = await collect(storage, { clock, untagged: true });
    assert.deepEqual(dry, real);
  }
});

test("B169 condemned for a grace, then in the trash, then gone; each run says until when", async () => {
  const storage = memoryStorage();
  const clock = new HandClock();
  const digest = await putBlob(storage, "a", Buffer.from("x"));
  const actions = async () => {
    const { decisions } = await collect(storage, { clock });
    return decisions.filter(({ subject }) => subject === "blob").map(({ action }) => action);
  };
  assert.deepEqual(await actions(), ["condemned"]);
  clock.time += hour - 1;
  assert.deepEqual(await actions(), ["condemned"]);
  clock.time += 1;
  assert.deepEqual(await actions(), ["deleted"]);
  assert.equal(await has(storage, digest), false);
  clock.time += 7 * day;
  assert.deepEqual(await actions(), ["purged"]);
  assert.deepEqual(await filesBelow(storage), []);
});

test("B169 who is told that a blob exists keeps it from being deleted", async () => {
  const storage = memoryStorage();
  const clock = new HandClock();
  const digest = await putBlob(storage, "a", Buffer.from("x"));
  const { keeping } = guardedStorage(storage, guardOf(storage, clock));
  await collect(storage, { clock });
  clock.time += 2 * hour;
  assert.deepEqual(await findBlob(keeping, "a", digest), { target: digest, size: 1 });
  await collect(storage, { clock });
  assert.equal(await has(storage, digest), true);
});

test("B169 a pull finds what lies in the trash; what a request deleted it does not find", async () => {
  const plain = memoryStorage();
  const clock = new HandClock();
  const { storage } = guardedStorage(plain, guardOf(plain, clock));
  const digest = await putImage(plain, "a", undefined, { layers: ["x".repeat(100_000)] });
  await collect(plain, { ...at, trash: day, untagged: true, clock });
  assert.equal(await has(plain, digest), false);
  assert.ok(await readRevision(storage, "a", digest));
  assert.equal((await findBlob(storage, "a", digestOf("x".repeat(100_000))))?.size, 100_000);
  await storage.remove(paths.revision("a", digest));
  assert.equal(await readRevision(storage, "a", digest), undefined);
});

test("B169 unfinished uploads go after a week without a sign, fresh ones stay", async () => {
  const storage = memoryStorage();
  const clock = new HandClock();
  const upload = paths.upload("a", "00000000-0000-4000-8000-000000000000");
  await storage.write(
    `${upload}/startedat`,
    Buffer.from(new Date(clock.now()).toISOString().slice(0, 19) + "Z"),
  );
  await storage.write(`${upload}/data`, Buffer.from("half"));
  assert.match((await collect(storage, { clock })).texts[0] ?? "", /^kept: upload a:0{8}-.*: begun 20/);
  clock.time += 7 * day + 1000;
  assert.match((await collect(storage, { clock })).texts[0] ?? "", /^purged: upload a:0{8}-/);
  assert.deepEqual(await filesBelow(storage), []);
});

test("a damaged manifest keeps all of its repository, and only that", async () => {
  const storage = memoryStorage();
  const digest = await putImage(storage, "a", "v1", { layers: ["one"] });
  await putBlob(storage, "b", Buffer.from("two"));
  await storage.write(paths.blob(digest), Buffer.from("rot"));
  await collect(storage, at);
  assert.deepEqual([await has(storage, digestOf("one")), await has(storage, digestOf("two"))], [true, false]);
});

test("waits that are too short are for a tree that nobody uses", async () => {
  const run = collectGarbage(memoryStorage(), { grace: 0 });
  await assert.rejects(
    run.next(),
    (error) => isFailure(error, "invalid") && /ten minutes/.test(error.message),
  );
});

test("a deleted tag is undeleted with all that it leads to, until the trash is emptied", async () => {
  const plain = memoryStorage();
  const clock = new HandClock();
  const { storage } = guardedStorage(plain, guardOf(plain, clock));
  const digest = await putImage(storage, "a", "v1", { layers: ["one"] });
  const before = await filesBelow(plain);
  await removeTag(storage, "a", "v1");
  await storage.remove(paths.revision("a", digest));
  await collect(plain, { ...at, trash: day, clock });
  assert.deepEqual(await filesBelow(plain, "docker"), []);
  const items = await Array.fromAsync(deletedItems(plain));
  assert.deepEqual(
    items.map(({ tag, digest: of, by }) => ({ tag, of, by })),
    [
      { tag: undefined, of: digest, by: "request" },
      { tag: "v1", of: digest, by: "request" },
    ],
  );
  assert.equal(await undelete(plain, "a", { tag: "v1" }, { clock }), digest);
  assert.deepEqual(await filesBelow(plain, "docker"), before);
  assert.equal(await resolveTag(plain, "a", "v1"), digest);
  await assert.rejects(undelete(plain, "a", { tag: "v1" }), (error) => isFailure(error, "conflict"));
  await assert.rejects(undelete(plain, "a", { tag: "v2" }), (error) => isFailure(error, "not-found"));
});
