import assert from "node:assert/strict";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { endless, failing, inChunks, noise, stalling } from "../../test/support/bytes_help.ts";
import { isFailure, type FailureKind } from "../errors.ts";
import { collect, count, fromFile, toFile } from "./index.ts";

const directory = mkdtempSync(join(tmpdir(), "varve-bytes-"));
after(() => rmSync(directory, { recursive: true }));
const file = join(directory, "file");
const content = noise(10_000);
writeFileSync(file, content);

const isKind = (kind: FailureKind) => (error: unknown) => isFailure(error, kind);

test("fromFile reads a file, or a part of it, in chunks", async () => {
  assert.deepEqual(Buffer.from(await collect(fromFile(file), 10_000)), content);
  const chunks = await Array.fromAsync(fromFile(file, { offset: 100, length: 1000, chunkSize: 300 }));
  assert.deepEqual(
    chunks.map((chunk) => chunk.length),
    [300, 300, 300, 100],
  );
  assert.deepEqual(Buffer.concat(chunks), content.subarray(100, 1100));
  assert.deepEqual(await Array.fromAsync(fromFile(file, { offset: 10_000 })), []);
});

test("fromFile says when a file is missing or shorter than asked for", async () => {
  await assert.rejects(collect(fromFile(join(directory, "none")), 1), isKind("not-found"));
  await assert.rejects(collect(fromFile(file, { offset: 9000, length: 1001 }), 1e6), isKind("corrupt"));
});

test("fromFile closes the file on early return and on abort", async (t) => {
  const open = () => {
    try {
      return readdirSync("/proc/self/fd").length;
    } catch {
      return undefined;
    }
  };
  const before = open();
  if (before === undefined) return t.skip("no /proc to count open files");
  for await (const chunk of fromFile(file, { chunkSize: 10 })) if (chunk.length > 0) break;
  const controller = new AbortController();
  const iterator = fromFile(file, { chunkSize: 10, signal: controller.signal });
  await iterator.next();
  controller.abort();
  await assert.rejects(iterator.next(), isKind("cancelled"));
  assert.equal(open(), before);
});

test("toFile writes a new file, appends, truncates, and leaves an existing one alone by default", async () => {
  const path = join(directory, "new");
  assert.equal(await toFile(inChunks(content, 999), path, { mode: 0o600, sync: true }), 10_000);
  assert.deepEqual(readFileSync(path), content);
  await assert.rejects(toFile(inChunks(content, 999), path), isKind("conflict"));
  assert.equal(await toFile(inChunks(Buffer.from("more"), 3), path, { flags: "a" }), 4);
  assert.deepEqual(readFileSync(path), Buffer.concat([content, Buffer.from("more")]));
  await toFile(inChunks(Buffer.from("less"), 3), path, { flags: "w" });
  assert.equal(readFileSync(path, "utf8"), "less");
});

test("toFile keeps what came before the source failed, and passes the failure on", async () => {
  const path = join(directory, "broken");
  const error = new Error("cut");
  await assert.rejects(toFile(failing(error, Buffer.from("begin")), path), error);
  assert.equal(readFileSync(path, "utf8"), "begin");
});

test("toFile stops and closes an endless source when it is cancelled", async () => {
  const source = endless(Buffer.from("x"));
  const controller = new AbortController();
  const counted = count(source, (bytes) => bytes === 5 && controller.abort());
  const writing = toFile(counted, join(directory, "endless"), { signal: controller.signal });
  await assert.rejects(writing, isKind("cancelled"));
  await source.closing;
});

test("toFile closes a source that it could not begin with", async () => {
  for (const options of [{ signal: AbortSignal.abort() }, { flags: "wx" } as const]) {
    const source = stalling();
    await assert.rejects(toFile(source, join(directory, "file"), options));
    assert.equal(source.closed, true);
  }
});

test("toFile says when the directory is missing, and when the disk is full", async (t) => {
  await assert.rejects(toFile(inChunks(content, 9), join(directory, "no", "file")), isKind("not-found"));
  if (process.platform !== "linux") return t.skip("no /dev/full");
  await assert.rejects(toFile(inChunks(content, 9), "/dev/full", { flags: "w" }), isKind("no-space"));
});
