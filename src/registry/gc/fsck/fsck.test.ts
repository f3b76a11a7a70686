import assert from "node:assert/strict";
import { test } from "node:test";
import { fromBytes, type ByteSource } from "../../../bytes/index.ts";
import { digestOf } from "../../../oci/index.ts";
import { putBlob, putImage } from "../../../../test/support/registry_tree.ts";
import { findBlob } from "../../blobs.ts";
import { resolveTag } from "../../manifest_store.ts";
import { memoryStorage } from "../../storage/memory.ts";
import type { StorageDriver } from "../../storage/types.ts";
import { paths } from "../../tree.ts";
import { findingText } from "./finding.ts";
import { fsck, type FsckOptions } from "./fsck.ts";

const [one, two] = [digestOf("one"), digestOf("two")];

async function check(storage: StorageDriver, options: Partial<FsckOptions> = {}): Promise<string[]> {
  const findings = await Array.fromAsync(fsck(storage, { repair: true, ...options }));
  return findings.map(findingText);
}

async function image(): Promise<StorageDriver> {
  const storage = memoryStorage();
  await putImage(storage, "a", "v1", { layers: ["one", "two"] });
  return storage;
}

/** What several places have, whatever they are asked for. */
const sources = (...contents: string[]) =>
  async function* (): AsyncGenerator<ByteSource> {
    for (const content of contents) yield fromBytes(Buffer.from(content));
  };

const rot = (storage: StorageDriver, path: string) => storage.write(path, Buffer.from("rot"));

test("a sound tree has no findings", async () => {
  assert.deepEqual(await check(await image()), []);
});

test("what a copy was never asked for is not missing, nor linked because another repository has it", async () => {
  const storage = await image();
  await putBlob(storage, "private", Buffer.from("one"));
  for (const digest of [one, two]) await storage.remove(paths.layerLink("a", digest));
  await storage.remove(paths.blob(two));
  assert.deepEqual(await check(storage, { isCopy: (repository) => repository === "a" }), []);
  assert.equal(await findBlob(storage, "a", one), undefined);
});

test("a corrupt blob is fetched again, or set aside so that a client pushes it again", async () => {
  const storage = await image();
  await rot(storage, paths.blob(one));
  const found = await check(storage, { repair: false });
  assert.match(found[0] ?? "", /^found: corrupt blob .* <- manifest sha256:\w+ <- tag a:v1$/);
  const fetchBlob = sources("something else", "one");
  assert.match((await check(storage, { fetchBlob }))[0] ?? "", /^healed: corrupt blob/);
  assert.deepEqual(await check(storage), []);
  await rot(storage, paths.blob(one));
  assert.match((await check(storage))[0] ?? "", /^set aside: corrupt blob/);
  assert.equal(await findBlob(storage, "a", one), undefined);
  assert.match((await check(storage))[0] ?? "", /^found: missing blob .* <- tag a:v1$/);
  await putBlob(storage, "a", Buffer.from("one"));
  assert.deepEqual(await check(storage), []);
});

test("what an upstream sends is believed only if it is what its digest says", async () => {
  const storage = await image();
  await storage.remove(paths.blob(two));
  const fetchBlob = sources("something else");
  assert.match((await check(storage, { fetchBlob }))[0] ?? "", /^found: missing blob/);
  assert.equal(await storage.stat(paths.blob(two)), undefined);
});

test("what is corrupt stays where it is until what is right was verified; a push meanwhile is not thrown away", async () => {
  const storage = await image();
  await rot(storage, paths.blob(one));
  const seen: (string | undefined)[] = [];
  const content = async () => Buffer.from((await storage.read(paths.blob(one))) ?? []).toString();
  async function* fetchBlob(): AsyncGenerator<ByteSource> {
    seen.push(await content());
    yield fromBytes(Buffer.from("not this"));
    seen.push(await content());
    // A client that did not ask before it sent.
    await putBlob(storage, "a", Buffer.from("one"));
  }
  assert.match((await check(storage, { fetchBlob }))[0] ?? "", /^healed: corrupt blob/);
  assert.deepEqual(seen, ["rot", "rot"]);
  assert.equal(await content(), "one");
});

test("damaged, missing and dangling links", async () => {
  const storage = await image();
  const digest = (await resolveTag(storage, "a", "v1"))!;
  await rot(storage, paths.tagCurrent("a", "v1"));
  await rot(storage, paths.revisionLink("a", digest));
  await storage.remove(paths.layerLink("a", one));
  await storage.write(paths.layerLink("a", digestOf("gone")), Buffer.from(digestOf("gone")));
  const texts = (await check(storage)).map((text) => text.replace(/ docker.*/, ""));
  assert.deepEqual(texts.sort(), [
    "healed: damaged link",
    "healed: damaged link",
    "healed: missing link",
    "set aside: dangling link",
  ]);
  assert.equal(await resolveTag(storage, "a", "v1"), digest);
  assert.deepEqual(await check(storage), []);
});

test("a scrub keeps to its rate and goes on where it was stopped", async () => {
  const storage = memoryStorage();
  for (let i = 0; i < 4; i++) await putBlob(storage, "a", Buffer.alloc(1000, i));
  const time = { now: 0, slept: 0 };
  const clock = { now: () => time.now, newId: () => "00000000" };
  const sleep = async (milliseconds: number) => {
    time.now += milliseconds;
    time.slept += milliseconds;
  };
  await check(storage, { clock, sleep, rate: 1000 });
  assert.equal(Math.round(time.slept), 4000);
  const last = [0, 1, 2, 3].map((i) => digestOf(Buffer.alloc(1000, i))).sort()[2] as string;
  await storage.write("varve/fsck/cursor", Buffer.from(last));
  time.slept = 0;
  await check(storage, { clock, sleep, rate: 1000 });
  assert.equal(Math.round(time.slept), 1000);
  assert.equal(await storage.stat("varve/fsck/cursor"), undefined);
});
