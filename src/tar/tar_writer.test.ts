import assert from "node:assert/strict";
import { test } from "node:test";
import type { TarEntry } from "./entry.ts";
import { packTar, readTar } from "./index.ts";

function file(path: string, body: string): { entry: TarEntry; body: Buffer } {
  const entry: TarEntry = {
    path,
    type: "file",
    linkPath: "",
    mode: 0o644,
    uid: 0,
    gid: 0,
    uname: "",
    gname: "",
    size: body.length,
    mtime: 1700000000,
    mtimeNs: 0,
    devMajor: 0,
    devMinor: 0,
  };
  return { entry, body: Buffer.from(body) };
}

test("an archive that was packed is read back", async () => {
  const entries = [
    file("a", "one"),
    file(`${"d".repeat(90)}/${"n".repeat(90)}`, ""),
    file("x\xff\xfe", "three"),
  ];
  const seen: unknown[] = [];
  for await (const { entry, body } of readTar(packTar(entries))) {
    const chunks: Uint8Array[] = [];
    for await (const chunk of body) chunks.push(chunk);
    seen.push({ entry, body: Buffer.concat(chunks) });
  }
  assert.deepEqual(seen, entries);
});
