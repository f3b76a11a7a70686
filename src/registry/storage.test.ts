import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, test } from "node:test";
import type { ByteSource } from "../bytes/index.ts";
import { directoryStorage } from "./directory_storage.ts";
import { memoryStorage } from "./memory_storage.ts";
import type { RegistryStorage } from "./storage.ts";

const directory = await mkdtemp(join(tmpdir(), "varve-storage-"));
after(() => rm(directory, { recursive: true }));

storageSuite("memory", memoryStorage());
storageSuite("directory", directoryStorage(directory));

async function* source(...chunks: string[]): ByteSource {
  for (const chunk of chunks) yield Buffer.from(chunk);
}
async function* failing(...chunks: string[]): ByteSource {
  yield* source(...chunks);
  throw new Error("broken");
}
async function textOf(bytes: ByteSource): Promise<string> {
  return Buffer.concat(await Array.fromAsync(bytes)).toString();
}

/** What every storage must do. */
function storageSuite(name: string, storage: RegistryStorage): void {
  describe(`storage: ${name}`, () => {
    test("reads what was written, and nothing where nothing is", async () => {
      await storage.write("w/a", Buffer.from("one"));
      await storage.write("w/a", Buffer.from("two!"));
      assert.equal(Buffer.from((await storage.read("w/a")) ?? []).toString(), "two!");
      assert.equal(await storage.size("w/a"), 4);
      assert.equal(await storage.read("w/none"), undefined);
      assert.equal(await storage.size("w"), undefined);
      assert.equal(await storage.size("w/a/below"), undefined);
    });
    test("opens any range, also across chunks", async () => {
      assert.equal(await storage.append("r", source("abc", "def", "ghi")), 9);
      const parts = [
        [0, 8, "abcdefghi"],
        [2, 6, "cdefg"],
        [3, 3, "d"],
      ] as const;
      for (const [start, end, text] of parts) {
        assert.equal(await textOf(storage.open("r", { start, end })), text);
      }
    });
    test("keeps what came before a broken source, and goes on after it", async () => {
      await assert.rejects(storage.append("u/data", failing("abc", "de")), /broken/);
      assert.equal(await storage.size("u/data"), 5);
      assert.equal(await storage.append("u/data", source("f")), 6);
      assert.equal(await textOf(storage.open("u/data", { start: 0, end: 5 })), "abcdef");
    });
    test("lists, moves and removes", async () => {
      for (const path of ["l/b/x", "l/a", "l/c/y/z"]) await storage.write(path, Buffer.from(path));
      assert.deepEqual(await storage.list("l"), ["a", "b", "c"]);
      assert.deepEqual(await storage.list("l/none"), []);
      await storage.move("l/a", "m/n/a");
      assert.equal(Buffer.from((await storage.read("m/n/a")) ?? []).toString(), "l/a");
      await assert.rejects(storage.move("l/a", "m/o"), /no such file/);
      await storage.remove("l/c");
      await storage.remove("l/c");
      assert.deepEqual(await storage.list("l"), ["b"]);
    });
  });
}
