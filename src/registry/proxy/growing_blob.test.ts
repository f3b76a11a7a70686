import assert from "node:assert/strict";
import { test } from "node:test";
import { fromBytes } from "../../bytes/index.ts";
import { memoryStorage } from "../storage/memory.ts";
import type { StorageDriver } from "../storage/types.ts";
import { GrowingBlob } from "./growing_blob.ts";
import { noise } from "./proxy_fixture.test.ts";

const places = (storage: StorageDriver) => ({ storage, growing: "growing", whole: "whole" });
const signal = new AbortController().signal;
const MiB = 1 << 20;

/** A storage that shows a file only when it is whole, as object stores do. */
function hiding(storage: StorageDriver) {
  let looks = 0;
  const stat: StorageDriver["stat"] = async (path) => {
    if (path === "growing") looks += 1;
    return path === "growing" ? undefined : storage.stat(path);
  };
  return { storage: { ...bound(storage), stat }, looks: () => looks };
}

function bound(storage: StorageDriver): StorageDriver {
  const { name } = storage;
  return {
    name,
    read: (path) => storage.read(path),
    write: (path, bytes) => storage.write(path, bytes),
    writeNew: (path, bytes) => storage.writeNew(path, bytes),
    stat: (path) => storage.stat(path),
    open: (path, range, each) => storage.open(path, range, each),
    appendTo: (path, options) => storage.appendTo(path, options),
    list: (path) => storage.list(path),
    move: (from, to) => storage.move(from, to),
    remove: (path) => storage.remove(path),
  };
}

/** Adds all of the bytes to the file and to the blob, as a download does. */
async function fill(storage: StorageDriver, blob: GrowingBlob, bytes: Buffer): Promise<void> {
  const file = await storage.appendTo("growing", { continuing: false });
  for (let at = 0; at < bytes.length; at += 64 << 10) {
    const chunk = bytes.subarray(at, at + (64 << 10));
    await file.append(fromBytes(chunk), signal);
    blob.add(chunk);
  }
  await file.commit();
}

async function bytesOf(blob: GrowingBlob): Promise<Buffer> {
  return Buffer.concat(await Array.fromAsync(blob.read(signal)));
}

test("readers that came at the start, in the middle and at the end get the same bytes", async () => {
  const storage = memoryStorage();
  const bytes = noise(10 * MiB + 13, "readers");
  const blob = new GrowingBlob(bytes.length, places(storage));
  const early = bytesOf(blob);
  const slow = blob.read(signal)[Symbol.asyncIterator]();
  const started = slow.next();
  await fill(storage, blob, bytes);
  const first = (await started).value as Uint8Array;
  const second = (await slow.next()).value as Uint8Array;
  const late = bytesOf(blob);
  await storage.move("growing", "whole");
  blob.end();
  assert.ok((await early).equals(bytes));
  assert.ok((await late).equals(bytes));
  const rest = await Array.fromAsync({ [Symbol.asyncIterator]: () => slow });
  assert.ok(Buffer.concat([first, second, ...rest]).equals(bytes), "behind the window: out of the file");
});

test("where a growing file cannot be seen, who is behind waits for the whole one and does not ask again and again", async () => {
  const inner = memoryStorage();
  const { storage, looks } = hiding(inner);
  const bytes = noise(8 * MiB, "hidden");
  const blob = new GrowingBlob(bytes.length, places(storage));
  const slow = blob.read(signal)[Symbol.asyncIterator]();
  const first = slow.next();
  await fill(inner, blob, bytes.subarray(0, 6 * MiB));
  const second = slow.next();
  await fill(inner, blob, bytes.subarray(6 * MiB));
  await inner.write("whole", bytes);
  blob.end();
  const head = [(await first).value, (await second).value] as Uint8Array[];
  const rest = await Array.fromAsync({ [Symbol.asyncIterator]: () => slow });
  assert.ok(Buffer.concat([...head, ...rest]).equals(bytes));
  assert.ok(looks() <= 1);
});

test("the last byte is held back until the blob is verified; a bad one breaks all readers before it", async () => {
  const storage = memoryStorage();
  const bytes = noise(300_000, "bad");
  const blob = new GrowingBlob(bytes.length, places(storage));
  const got: Uint8Array[] = [];
  const reading = (async () => {
    for await (const chunk of blob.read(signal)) got.push(chunk);
  })();
  await fill(storage, blob, bytes);
  blob.fail(new Error("wrong digest"));
  await assert.rejects(reading, /wrong digest/);
  assert.ok(Buffer.concat(got).length < bytes.length);
  await assert.rejects(bytesOf(blob), /wrong digest/);
});

test("an empty blob ends when it is verified", async () => {
  const blob = new GrowingBlob(0, places(memoryStorage()));
  const reading = bytesOf(blob);
  blob.end();
  assert.equal((await reading).length, 0);
});
