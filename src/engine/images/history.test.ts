import assert from "node:assert/strict";
import { test } from "node:test";
import { engineFixture, makeImage, named, signal } from "../../../test/support/engine_fixture.ts";
import { unlessLinux } from "../../../test/suites/scratch.ts";
import { digestOf } from "../../oci/index.ts";

const skip = unlessLinux;

test("B081 B082 newest first; IDs follow the parents that were made here", { skip }, async () => {
  using fixture = await engineFixture();
  const { images, store } = fixture.engine;
  const base = await makeImage(fixture, {
    names: ["base:1"],
    files: { a: "1" },
    created: "2026-01-01T00:00:00Z",
    createdBy: "ADD rootfs",
    comment: "the <base>",
  });
  const middle = await makeImage(fixture, { base, createdBy: "ENV A=b", created: "2026-01-02T00:00:00Z" });
  const top = await makeImage(fixture, {
    base: middle,
    names: ["app:1", "app:2"],
    files: { b: "22" },
    createdBy: "RUN x",
    created: "2026-01-03T00:00:00Z",
  });
  await store.names.set(named(`app@${digestOf("m")}`), top.id);
  const layers = await Promise.all((await store.layers.list()).map((chain) => store.layers.get(chain)));
  const chainOf = (size: number): string | undefined => layers.find((layer) => layer?.size === size)?.chainId;
  const lines = [
    {
      id: top.id,
      created: "2026-01-03T00:00:00Z",
      createdBy: "RUN x",
      comment: "",
      size: 2,
      tags: ["app:1", "app:2"],
      layer: chainOf(2),
    },
    { id: middle.id, created: "2026-01-02T00:00:00Z", createdBy: "ENV A=b", comment: "", size: 0, tags: [] },
    {
      id: base.id,
      created: "2026-01-01T00:00:00Z",
      createdBy: "ADD rootfs",
      comment: "the <base>",
      size: 1,
      tags: ["base:1"],
      layer: chainOf(1),
    },
  ];
  assert.deepEqual(await images.history("app:1"), lines);
  assert.deepEqual(await images.history("base:1"), lines.slice(2));
});

test("B082 what came from elsewhere has its own ID only", { skip }, async () => {
  using here = await engineFixture();
  using there = await engineFixture();
  const base = await makeImage(here, { files: { a: "1" } });
  await makeImage(here, { base, names: ["app:1"], files: { b: "2" } });
  await there.engine.images.load(await here.engine.images.save(["app:1"], { signal }), { signal });
  const ids = (await there.engine.images.history("app:1")).map(({ id }) => id !== undefined);
  assert.deepEqual(ids, [true, false]);
});

test(
  "B082 the base's top row has its ID where the base was pulled: rows below it have none",
  { skip },
  async () => {
    using fixture = await engineFixture();
    const lowest = await makeImage(fixture, { files: { a: "1" } });
    const base = await makeImage(fixture, {
      base: lowest,
      recordParent: false,
      names: ["base:1"],
      files: { b: "2" },
    });
    const top = await makeImage(fixture, { base, files: { c: "3" } });
    const ids = (await fixture.engine.images.history(top.id)).map(({ id }) => id);
    assert.deepEqual(ids, [top.id, base.id, undefined]);
  },
);

test("a parent that was removed by force ends the IDs", { skip }, async () => {
  using fixture = await engineFixture();
  const base = await makeImage(fixture, { files: { a: "1" } });
  const top = await makeImage(fixture, { base, files: { b: "2" } });
  await fixture.engine.store.images.remove(base.id);
  assert.deepEqual(
    (await fixture.engine.images.history(top.id)).map(({ id }) => id),
    [top.id, undefined],
  );
});

test("B034 deleting in a later layer reclaims nothing", { skip }, async () => {
  using fixture = await engineFixture();
  const full = await makeImage(fixture, { files: { big: "x".repeat(10_500_000) } });
  const emptied = await makeImage(fixture, { base: full, files: { ".wh.big": "" } });
  const sizes = (await fixture.engine.images.history(emptied.id)).map(({ size }) => size);
  assert.deepEqual(sizes, [0, 10_500_000]);
  assert.equal((await fixture.engine.images.inspect(emptied.id)).Size, 10_500_000);
});
