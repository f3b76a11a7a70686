import assert from "node:assert/strict";
import { test } from "node:test";
import { engineFixture, makeImage } from "../../../test/support/engine_fixture.ts";
import { unlessLinux } from "../../../test/suites/scratch.ts";
import { digestOf } from "../../oci/index.ts";

test(
  "B091 tag adds names in their short form, moves those that are taken",
  { skip: unlessLinux },
  async () => {
    using fixture = await engineFixture();
    const { images, store } = fixture.engine;
    const one = await makeImage(fixture, { files: { a: "1" } });
    const two = await makeImage(fixture, { files: { b: "2" } });
    await images.tag(one.id, "docker.io/library/repository:layer");
    await images.tag("repository:layer", "127.0.0.1:5000/repository:layer");
    await images.tag(one.id.slice(7, 19), "plain");
    assert.deepEqual([...(await store.names.all())].sort(), [
      ["127.0.0.1:5000/repository:layer", one.id],
      ["plain:latest", one.id],
      ["repository:layer", one.id],
    ]);
    const before = (await store.images.get(two.id))?.lastUpdated;
    await images.tag(two.id, "plain");
    assert.equal((await images.resolve("plain")).id, two.id);
    assert.equal(before, undefined);
    assert.match((await store.images.get(two.id))?.lastUpdated ?? "", /^\d{4}-\d\d-\d\dT/);
  },
);

test("B091 bad names are refused in Docker's words", { skip: unlessLinux }, async () => {
  using fixture = await engineFixture();
  const { images, store } = fixture.engine;
  const { id } = await makeImage(fixture, { files: { a: "1" } });
  const cases: [string, string, string | RegExp][] = [
    [id, "UPPER", /must be lowercase$/],
    [id, "a b", /invalid reference format/],
    [id, "", /invalid reference format/],
    [id, `a@${digestOf("m")}`, "refusing to create a tag with a digest reference"],
    [id, "sha256:1", "refusing to create an ambiguous tag using digest algorithm as name"],
    [id, "0".repeat(64), /cannot specify 64-byte hexadecimal strings$/],
    ["missing", "a", "No such image: missing:latest"],
  ];
  for (const [source, target, message] of cases)
    await assert.rejects(images.tag(source, target), { message }, target);
  assert.equal((await store.names.all()).size, 0);
});
