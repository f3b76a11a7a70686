import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { engineFixture, makeImage, type EngineFixture } from "../../../test/support/engine_fixture.ts";
import { unlessLinux } from "../../../test/suites/scratch.ts";
import type { StoredImage } from "../../store/index.ts";
import type { ForestNode } from "./tree.ts";

const skip = unlessLinux;

/** One line a node: names, how it is known to stand there, layers, own bytes of all. */
function drawn(nodes: readonly ForestNode[], depth = 0): string[] {
  return nodes.flatMap(({ tags, ancestry, layers, own, size, children }) => [
    `${"  ".repeat(depth)}${tags.join() || "<none>"} ${ancestry} ${layers} ${own}/${size}`,
    ...drawn(children, depth + 1),
  ]);
}

async function forest({ engine }: EngineFixture): Promise<string[]> {
  return drawn(await engine.images.tree());
}

test("B055 the forest of eleven images in two trees, names at inner nodes too", { skip }, async () => {
  using fixture = await engineFixture();
  let second = 0;
  const grow = (base: StoredImage | undefined, ...names: string[]): Promise<StoredImage> => {
    second++;
    const created = new Date(Date.UTC(2014, 0, 1, 0, 0, second)).toISOString();
    // The n-th image made adds n bytes.
    return makeImage(fixture, {
      ...(base && { base }),
      names,
      created,
      files: { [`f${second}`]: "x".repeat(second) },
    });
  };
  const scratch = await grow(undefined);
  const precise = await grow(scratch, "ubuntu:12.04");
  await grow(precise);
  const trusty = await grow(precise, "ubuntu:14.04");
  await grow(trusty);
  const debian = await grow(undefined, "debian:wheezy");
  const jessie = await grow(debian, "debian:jessie");
  await grow(debian, "mysql:5.6");
  const mongo = await grow(jessie);
  await grow(mongo, "mongo:2.2");
  await grow(jessie);
  assert.deepEqual(await forest(fixture), [
    "<none> base 1 0/1",
    "  ubuntu:12.04 recorded 2 0/3",
    "    <none> recorded 3 3/6",
    "    ubuntu:14.04 recorded 3 0/7",
    "      <none> recorded 4 5/12",
    "debian:wheezy base 1 0/6",
    "  debian:jessie recorded 2 0/13",
    "    <none> recorded 3 0/22",
    "      mongo:2.2 recorded 4 10/32",
    "    <none> recorded 3 11/24",
    "  mysql:5.6 recorded 2 8/14",
  ]);
});

test(
  "B054 without records the layers tell: the tallest stack that this one begins with",
  { skip },
  async () => {
    using fixture = await engineFixture();
    const lone = { recordParent: false };
    const base = await makeImage(fixture, { names: ["base:1"], files: { a: "1" }, ...lone });
    const middle = await makeImage(fixture, { base, names: ["middle:1"], files: { b: "22" }, ...lone });
    await makeImage(fixture, { base: middle, names: ["top:1"], files: { c: "333" }, ...lone });
    await makeImage(fixture, { names: ["other:1"], files: { b: "22" }, ...lone });
    const [first] = await fixture.engine.images.tree();
    assert.deepEqual(drawn([first as ForestNode]).length > 0, true);
    assert.deepEqual((await forest(fixture)).sort(), [
      "    top:1 derived 3 3/6",
      "  middle:1 derived 2 0/3",
      "base:1 base 1 0/1",
      "other:1 base 1 2/2",
    ]);
  },
);

test("equal stacks are parent and child only by record", { skip }, async () => {
  using fixture = await engineFixture();
  const base = await makeImage(fixture, {
    names: ["base:1"],
    files: { a: "1" },
    created: "2026-01-01T00:00:00Z",
  });
  await makeImage(fixture, { base, names: ["labelled:1"], created: "2026-01-02T00:00:00Z" });
  await makeImage(fixture, { base, names: ["twin:1"], created: "2026-01-03T00:00:00Z", recordParent: false });
  assert.deepEqual(await forest(fixture), [
    "base:1 base 1 0/1",
    "  labelled:1 recorded 1 0/1",
    "twin:1 base 1 0/1",
  ]);
});

test("an image without layers is a parent by record only", { skip }, async () => {
  using fixture = await engineFixture();
  const bare = await makeImage(fixture, { names: ["bare:1"], created: "2026-01-01T00:00:00Z" });
  await makeImage(fixture, {
    base: bare,
    names: ["child:1"],
    files: { a: "1" },
    created: "2026-01-02T00:00:00Z",
  });
  await makeImage(fixture, { names: ["stranger:1"], files: { b: "2" }, created: "2026-01-03T00:00:00Z" });
  assert.deepEqual(await forest(fixture), [
    "bare:1 base 0 0/0",
    "  child:1 recorded 1 1/1",
    "stranger:1 base 1 1/1",
  ]);
});

test("records that make no sense lose nobody", { skip }, async () => {
  using fixture = await engineFixture();
  const one = await makeImage(fixture, { names: ["one:1"], files: { a: "1" } });
  const two = await makeImage(fixture, { names: ["two:1"], files: { a: "1" }, config: { Env: ["X=1"] } });
  const three = await makeImage(fixture, { names: ["three:1"], files: { b: "1" } });
  const record = (child: StoredImage, parent: string): void =>
    writeFileSync(
      join(fixture.root, "image/vfs/imagedb/metadata/sha256", child.id.slice(7), "parent"),
      parent,
    );
  record(one, two.id);
  record(two, one.id);
  record(three, one.id);
  const shown = await forest(fixture);
  assert.equal(shown.length, 3);
  assert.deepEqual(shown.map((line) => line.trim().split(" ")[0]).sort(), ["one:1", "three:1", "two:1"]);
  assert.ok(shown.includes("three:1 base 1 1/1"), "its layers do not begin with its alleged parent's");
  const moved = await makeImage(fixture, { names: ["four:1"], base: one, files: { c: "1" } });
  record(moved, `sha256:${"0".repeat(64)}`);
  assert.ok((await forest(fixture)).some((line) => line.includes("four:1 derived 2")));
});
