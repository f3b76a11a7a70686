import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import * as fc from "fast-check";
import { isFailure } from "../errors.ts";
import { digestOf, parseReference, type ImageId } from "../oci/index.ts";
import { openLocks } from "./locks.ts";
import { encodeNames, openNames } from "./names.ts";

const [one, two] = [digestOf("1"), digestOf("2")];

function open(t: TestContext) {
  const root = mkdtempSync(join(tmpdir(), "names-"));
  t.after(() => rmSync(root, { recursive: true }));
  const path = join(root, "image/repositories.json");
  const withLock = openLocks(join(root, "locks"));
  return { root, path, names: openNames(path, withLock), again: () => openNames(path, withLock) };
}

test("B145 names lie in repositories.json as Docker's 20.10 wrote this one, 0600, without a final line feed", async (t) => {
  const { path, names } = open(t);
  // The order of setting is not the order of writing.
  for (const name of ["sc:1", "bb:com", "127.0.0.1:5000/a/b:v1", "bb", "bb:base", `bb@${two}`])
    await names.set(parseReference(name), one);
  assert.equal(
    readFileSync(path, "utf8"),
    `{"Repositories":{"127.0.0.1:5000/a/b":{"127.0.0.1:5000/a/b:v1":"${one}"},` +
      `"bb":{"bb:base":"${one}","bb:com":"${one}","bb:latest":"${one}","bb@${two}":"${one}"},"sc":{"sc:1":"${one}"}}}`,
  );
  assert.equal(statSync(path).mode & 0o777, 0o600);
});

test('B145 an emptied file is {"Repositories":{}}, an emptied repository goes', async (t) => {
  const { path, names } = open(t);
  await names.set(parseReference("alpine:3.20"), one);
  await names.set(parseReference("redis:7"), one);
  assert.equal(await names.remove(parseReference("redis:7")), true);
  assert.equal(readFileSync(path, "utf8"), `{"Repositories":{"alpine":{"alpine:3.20":"${one}"}}}`);
  assert.equal(await names.remove(parseReference("alpine:3.20")), true);
  assert.equal(await names.remove(parseReference("alpine:3.20")), false);
  assert.equal(readFileSync(path, "utf8"), '{"Repositories":{}}');
});

test("B145 every spelling of a Hub name is one short name", async (t) => {
  const { names } = open(t);
  await names.set(parseReference("docker.io/library/alpine:3.20"), one);
  assert.deepEqual([...(await names.all())], [["alpine:3.20", one]]);
  assert.equal(await names.get(parseReference("library/alpine:3.20")), one);
  assert.equal(await names.get(parseReference("alpine")), undefined);
});

test("a reference with tag and digest is kept and found by its digest alone", async (t) => {
  const { names } = open(t);
  await names.set(parseReference(`alpine:3.20@${two}`), one);
  assert.deepEqual([...(await names.all()).keys()], [`alpine@${two}`]);
  assert.equal(await names.get(parseReference(`alpine:other@${two}`)), one);
});

test("set tells which other image held the name; namesOf lists an image's names", async (t) => {
  const { names } = open(t);
  assert.equal(await names.set(parseReference("a:1"), one), undefined);
  assert.equal(await names.set(parseReference("a:1"), one), undefined);
  assert.equal(await names.set(parseReference("a:1"), two), one);
  await names.set(parseReference("b:1"), two);
  assert.deepEqual(await names.namesOf(two), [parseReference("a:1"), parseReference("b:1")]);
  assert.deepEqual(await names.namesOf(one), []);
});

test("a name that reads as a digest is refused in Docker's words", async (t) => {
  const { names } = open(t);
  await assert.rejects(names.set(parseReference("sha256:abc"), one), {
    kind: "invalid",
    message: "refusing to create an ambiguous tag using digest algorithm as name",
  });
});

test("a change by another process is seen at once, and survives ours", async (t) => {
  const { names, again } = open(t);
  const other = again();
  await names.set(parseReference("a:1"), one);
  assert.equal((await other.all()).size, 1);
  await other.set(parseReference("b:1"), two);
  await names.set(parseReference("c:1"), two);
  assert.deepEqual([...(await names.all()).keys()], ["a:1", "b:1", "c:1"]);
});

test("a broken file is reported, never overwritten", async (t) => {
  const { path, names } = open(t);
  await names.set(parseReference("a:1"), one);
  for (const broken of ["", '{"Repositories":{"a":{"a:1":"sha256:123"}}}', '{"Repositories":{"a":5}']) {
    writeFileSync(path, broken);
    await assert.rejects(names.all(), (error) => isFailure(error, "corrupt"));
    await assert.rejects(names.set(parseReference("b:1"), one), (error) => isFailure(error, "corrupt"));
    assert.equal(readFileSync(path, "utf8"), broken);
  }
});

test("encodeNames is undone by JSON.parse and sorts by bytes", () => {
  const word = fc.stringMatching(/^[a-z0-9]{1,8}$/);
  const name = fc.tuple(word, word, word).map(([host, path, tag]) => `${host}.io:5000/${path}:${tag}`);
  fc.assert(
    fc.property(fc.dictionary(name, fc.constantFrom(one, two)), (held) => {
      const text = encodeNames(new Map(Object.entries(held) as [string, ImageId][]));
      const { Repositories } = JSON.parse(text) as { Repositories: Record<string, Record<string, string>> };
      const flat = Object.values(Repositories).flatMap((names) => Object.entries(names));
      assert.deepEqual(Object.fromEntries(flat), { ...held });
      const keys = Object.keys(Repositories);
      assert.deepEqual(keys, [...keys].sort());
    }),
  );
});

const setter = `
  import { openLocks } from ${JSON.stringify(join(import.meta.dirname, "locks.ts"))};
  import { openNames } from ${JSON.stringify(join(import.meta.dirname, "names.ts"))};
  import { parseReference } from ${JSON.stringify(join(import.meta.dirname, "../oci/index.ts"))};
  const [root, prefix, id] = process.argv.slice(1);
  const names = openNames(root + "/image/repositories.json", openLocks(root + "/locks"));
  for (let i = 0; i < 20; i++) await names.set(parseReference(prefix + ":" + i), id);
  for (let i = 0; i < 10; i++) await names.remove(parseReference(prefix + ":" + i));
`;

test("three processes that change names at once lose none of each other's changes", async (t) => {
  const { root, names } = open(t);
  const prefixes = ["x", "y", "z"];
  const exits = prefixes.map(async (prefix) => {
    const args = ["--input-type=module-typescript", "-e", setter, root, prefix, one];
    const child = spawn(process.execPath, args, { stdio: ["ignore", "inherit", "inherit"] });
    const [code] = (await once(child, "exit")) as [number];
    return code;
  });
  assert.deepEqual(await Promise.all(exits), [0, 0, 0]);
  const expected = prefixes.flatMap((prefix) => Array.from({ length: 10 }, (_, i) => `${prefix}:${i + 10}`));
  assert.deepEqual([...(await names.all()).keys()].sort(), expected);
});
