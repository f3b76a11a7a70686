import assert from "node:assert/strict";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { gzipSync } from "node:zlib";
import { once, signal } from "../../../../test/support/engine_fixture.ts";
import { tarFile, tarOf } from "../../../../test/support/tar_help.ts";
import { scratch, unlessLinux } from "../../../../test/suites/scratch.ts";
import { caller, unpackInto } from "./unpack_into.ts";

test("many members that have come already do not keep others waiting", { skip: unlessLinux }, async () => {
  using directory = scratch("unpack");
  const members = Array.from({ length: 3000 }, (_, number) => tarFile({ path: `f${number}` }));
  const tar = gzipSync(tarOf(members));
  let turns = 0;
  let isOver = false;
  const turn = (): void => {
    turns++;
    if (!isOver) setImmediate(turn);
  };
  setImmediate(turn);
  await unpackInto(directory.path, "/", once(tar), { signal, owner: caller() });
  isOver = true;
  assert.equal(readdirSync(directory.path).length, members.length);
  assert.ok(turns > 6, `${turns} turns of the event loop`);
});

test(
  "a file takes the place of a directory only where that is asked for",
  { skip: unlessLinux },
  async () => {
    using directory = scratch("unpack");
    const unpack = (path: string, replace: boolean) =>
      unpackInto(directory.path, "/", once(tarOf([tarFile({ path })])), { signal, owner: caller(), replace });
    await unpack("a/b", false);
    await assert.rejects(unpack("a", false), {
      kind: "conflict",
      message: 'cannot overwrite directory "/a" with non-directory "/"',
    });
    assert.equal(existsSync(join(directory.path, "a/b")), true);
    await unpack("a", true);
    assert.deepEqual(readdirSync(directory.path), ["a"]);
  },
);

test("of members with one name the last one stays", { skip: unlessLinux }, async () => {
  using directory = scratch("unpack");
  const members = ["old", "newer"].flatMap((content) => [
    tarFile({ path: "d/", type: "directory" }),
    tarFile({ path: "./d/a" }, content),
    tarFile({ path: "b" }, content),
  ]);
  await unpackInto(directory.path, "/", once(tarOf(members)), { signal, owner: caller() });
  const texts = ["d/a", "b"].map((path) => readFileSync(join(directory.path, path), "utf8"));
  assert.deepEqual(texts, ["newer", "newer"]);
});
