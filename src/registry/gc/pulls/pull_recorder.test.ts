import assert from "node:assert/strict";
import { test } from "node:test";
import { Failure } from "../../../errors.ts";
import { digestOf, type Digest } from "../../../oci/index.ts";
import { filesBelow, HandClock, putImage } from "../../../../test/support/registry_tree.ts";
import type { RegistryEvent } from "../../hooks.ts";
import { memoryStorage } from "../../storage/memory.ts";
import type { StorageDriver } from "../../storage/types.ts";
import { paths } from "../../tree.ts";
import { day, hour } from "../gc_clock.ts";
import { PullRecorder } from "./pull_recorder.ts";
import { forgetPulls, keepBook, pullTimes } from "./pull_times.ts";

const [one, two] = [digestOf("one"), digestOf("two")];

function pull(digest: Digest, time: number): RegistryEvent {
  return {
    action: "pull",
    kind: "manifest",
    repository: "a/b",
    digest,
    time: new Date(time),
    identity: { user: undefined, groups: [] },
    requestId: "1",
    method: "GET",
    remoteAddress: undefined,
    userAgent: undefined,
    host: "registry.example",
  };
}

/** Paths that were written, in order. */
function watched(storage: StorageDriver): { readonly storage: StorageDriver; readonly written: string[] } {
  const written: string[] = [];
  const write = async (path: string, bytes: Uint8Array) => {
    await storage.write(path, bytes);
    written.push(path);
  };
  return { storage: { ...methodsOf(storage), write }, written };
}

const methodsOf = (storage: StorageDriver): StorageDriver => ({
  name: storage.name,
  read: (path) => storage.read(path),
  write: (path, bytes) => storage.write(path, bytes),
  writeNew: (path, bytes) => storage.writeNew(path, bytes),
  stat: (path) => storage.stat(path),
  open: (path, range, signal) => storage.open(path, range, signal),
  appendTo: (path, options) => storage.appendTo(path, options),
  list: (path) => storage.list(path),
  move: (from, to) => storage.move(from, to),
  remove: (path) => storage.remove(path),
});

const fail = (error: unknown) => assert.fail(String(error));

test("a manifest is written once an hour however often it is pulled, and the latest of all instances stays", async () => {
  const clock = new HandClock();
  const { storage, written } = watched(memoryStorage());
  const begun = clock.time;
  await using first = new PullRecorder({ storage, clock, onFailure: fail });
  await using second = new PullRecorder({ storage, clock, onFailure: fail });
  for (let i = 0; i < 100; i++) first.onEvent(pull(one, clock.time));
  await first.flush();
  first.onEvent(pull(one, clock.time + hour / 2));
  await first.flush();
  const records = () => written.filter((path) => path.includes("_manifests")).length;
  assert.equal(records(), 1);
  second.onEvent(pull(one, clock.time - 1));
  await second.flush();
  assert.equal(records(), 1, "an earlier one is no news");
  clock.time += 2 * hour;
  second.onEvent(pull(one, clock.time));
  await second.flush();
  const times = await pullTimes(storage, clock.time);
  assert.deepEqual(await times?.lastPull("a/b", one), { kind: "pulled", at: clock.time, idle: 0 });
  assert.deepEqual(await times?.lastPull("a/b", two), { kind: "recorded", at: begun, idle: 2 * hour });
});

test("what was not recorded makes nothing older: no recorder yet, none for days, records lost", async () => {
  const clock = new HandClock();
  const storage = memoryStorage();
  assert.equal(await pullTimes(storage, clock.time), undefined);
  await keepBook(storage, clock.time, true);
  clock.time += 10 * day;
  const idle = async () => (await (await pullTimes(storage, clock.time))?.lastPull("a/b", one))?.idle;
  assert.equal(await idle(), 0, "nobody records now");
  await keepBook(storage, clock.time, true);
  clock.time += 2 * hour;
  assert.equal(await idle(), 2 * hour);
  await keepBook(storage, clock.time, false);
  assert.equal(await idle(), 0, "lost records");
  await storage.write("varve/pulls/recorded.json", Buffer.from("{"));
  assert.equal(await pullTimes(storage, clock.time), undefined, "a damaged book");
});

test("while the storage does not answer pulls wait, and are written at the end", async () => {
  const clock = new HandClock();
  const plain = memoryStorage();
  let broken = true;
  const storage: StorageDriver = {
    ...methodsOf(plain),
    async write(path, bytes) {
      if (broken) throw new Failure("unavailable", "the storage is away");
      await plain.write(path, bytes);
    },
  };
  const failures: string[] = [];
  {
    const onFailure = (error: unknown) => void failures.push(String(error));
    await using recorder = new PullRecorder({ storage, clock, onFailure });
    recorder.onEvent(pull(one, clock.time));
    await recorder.flush();
    assert.ok(failures.length > 0);
    broken = false;
  }
  const times = await pullTimes(plain, clock.time);
  assert.equal((await times?.lastPull("a/b", one))?.kind, "pulled");
});

test("records go with their manifests, once these are gone from the trash as well", async () => {
  const clock = new HandClock();
  const storage = memoryStorage();
  const digest = await putImage(storage, "a/b", "v1", { layers: [] });
  {
    await using recorder = new PullRecorder({ storage, clock, onFailure: fail });
    for (const each of [digest, one]) recorder.onEvent(pull(each, clock.time));
  }
  const { signal } = new AbortController();
  const records = async () => (await filesBelow(storage, "varve/pulls/repositories")).length;
  assert.equal(await records(), 2);
  await forgetPulls(storage, signal);
  assert.equal(await records(), 1);
  await storage.remove(paths.revision("a/b", digest));
  await forgetPulls(storage, signal);
  assert.equal(await records(), 0);
});
