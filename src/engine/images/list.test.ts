import assert from "node:assert/strict";
import { test } from "node:test";
import { engineFixture, makeImage, named, type EngineFixture } from "../../../test/support/engine_fixture.ts";
import { unlessLinux } from "../../../test/suites/scratch.ts";
import { digestOf } from "../../oci/index.ts";
import type { ListOptions } from "./list.ts";

const skip = unlessLinux;
const day = (n: number): string => `2026-01-0${n}T00:00:00Z`;

/**
 * base:1 (also host:5000/team/base:1, with a digest) <- nameless parent <- app:1 and app:2; a dangling image; one that
 * only has a digest.
 */
async function sample(fixture: EngineFixture) {
  const base = await makeImage(fixture, {
    names: ["base:1", "host:5000/team/base:1"],
    files: { a: "1" },
    created: day(1),
  });
  const parent = await makeImage(fixture, { base, files: { b: "22" }, created: day(2) });
  const app = await makeImage(fixture, {
    base: parent,
    names: ["app:1", "app:2"],
    created: day(3),
    config: { Labels: { tier: "web", empty: "" } },
  });
  const dangling = await makeImage(fixture, { base, files: { c: "333" }, created: day(4) });
  const digested = await makeImage(fixture, { files: { d: "4444" }, created: day(5) });
  const { names } = fixture.engine.store;
  await names.set(named(`host:5000/team/base@${digestOf("m")}`), base.id);
  await names.set(named(`old@${digestOf("n")}`), digested.id);
  const all = { base, parent, app, dangling, digested };
  const keys = new Map(Object.entries(all).map(([key, { id }]) => [id, key]));
  const list = async (options: ListOptions = {}) =>
    (await fixture.engine.images.list(options)).map(({ id }) => keys.get(id));
  return { ...all, list };
}

test("B089 B090 newest first; nameless parents only with all, dangling images always", { skip }, async () => {
  using fixture = await engineFixture();
  const { list } = await sample(fixture);
  assert.deepEqual(await list(), ["digested", "dangling", "app", "base"]);
  assert.deepEqual(await list({ all: true }), ["digested", "dangling", "app", "parent", "base"]);
});

test("B090 dangling: without a tag and childless; a digest alone is no tag", { skip }, async () => {
  using fixture = await engineFixture();
  const { list } = await sample(fixture);
  assert.deepEqual(await list({ dangling: true }), ["digested", "dangling"]);
  assert.deepEqual(await list({ dangling: false }), ["digested", "app", "base"]);
  assert.deepEqual(await list({ dangling: false, all: true }), ["digested", "app", "base"]);
});

test("B089 what a row says", { skip }, async () => {
  using fixture = await engineFixture();
  const { base, parent, app } = await sample(fixture);
  const rows = new Map((await fixture.engine.images.list({ all: true })).map((row) => [row.id, row]));
  assert.deepEqual(rows.get(base.id), {
    id: base.id,
    parentId: "",
    repoTags: ["base:1", "host:5000/team/base:1"],
    repoDigests: [`host:5000/team/base@${digestOf("m")}`],
    created: Date.parse(day(1)),
    size: 1,
    labels: {},
  });
  assert.equal(rows.get(app.id)?.parentId, parent.id);
  assert.equal(rows.get(app.id)?.size, 3);
  assert.deepEqual(rows.get(app.id)?.labels, { tier: "web", empty: "" });
});

test(
  "B089 by reference: name, name and tag, patterns, several; other names of the image are left out",
  { skip },
  async () => {
    using fixture = await engineFixture();
    const { list } = await sample(fixture);
    const cases: [string | string[], string[]][] = [
      ["app", ["app"]],
      ["app:2", ["app"]],
      ["app:3", []],
      ["a*", ["app"]],
      ["*", ["digested", "app"].concat("base")],
      ["*/*", []],
      ["*/*/base", ["base"]],
      ["base:[0-9]", ["base"]],
      ["docker.io/library/app", ["app"]],
      ["docker.io/*/app:2", ["app"]],
      ["docker.io/app", []],
      [
        ["app:1", "base"],
        ["app", "base"],
      ],
      [`old@${digestOf("n")}`, ["digested"]],
    ];
    for (const [reference, expected] of cases)
      assert.deepEqual(await list({ reference, all: true }), expected, String(reference));
    const [row] = await fixture.engine.images.list({ reference: "app:2" });
    assert.deepEqual(row?.repoTags, ["app:2"]);
    await assert.rejects(list({ reference: "[" }), { kind: "invalid", message: "syntax error in pattern" });
  },
);

test("B089 by label, and by age against another image", { skip }, async () => {
  using fixture = await engineFixture();
  const { list, app, parent } = await sample(fixture);
  assert.deepEqual(await list({ labels: ["tier"] }), ["app"]);
  assert.deepEqual(await list({ labels: ["tier=web", "empty="] }), ["app"]);
  assert.deepEqual(await list({ labels: ["tier=db"] }), []);
  assert.deepEqual(await list({ labels: ["none"] }), []);
  assert.deepEqual(await list({ before: app }), ["base"]);
  assert.deepEqual(await list({ since: app }), ["digested", "dangling"]);
  assert.deepEqual(await list({ since: parent, before: app, all: true }), []);
});
