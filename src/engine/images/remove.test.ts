import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import {
  engineFixture,
  makeContainer,
  makeImage,
  named,
  type EngineFixture,
} from "../../../test/support/engine_fixture.ts";
import { unlessLinux } from "../../../test/suites/scratch.ts";
import { chainIds, digestOf, shortId } from "../../oci/index.ts";
import type { StoredImage } from "../../store/index.ts";
import type { ContainerRecord } from "../containers/record.ts";

const skip = unlessLinux;
const digest = digestOf("manifest");

/** `untagged: name`, `deleted: name of the image or layer`. */
async function rmi(
  { engine }: EngineFixture,
  name: string,
  options: { force?: boolean; noPrune?: boolean } = {},
  known: Readonly<Record<string, string>> = {},
): Promise<string[]> {
  return (await engine.images.remove(name, options)).map((line) =>
    "Untagged" in line ? `-${line.Untagged}` : `x ${known[line.Deleted] ?? line.Deleted}`,
  );
}

const chainsOf = (image: StoredImage): string[] => chainIds(image.config.rootfs.diff_ids ?? []);

async function isEmpty({ engine }: EngineFixture): Promise<boolean> {
  const { store } = engine;
  const left = [
    await store.images.list(),
    await store.layers.list(),
    await store.driver.list(),
    [...(await store.names.all())],
  ];
  return left.every((list) => list.length === 0);
}

/** Says of a container that it runs, as this very process. */
function pretendRunning({ root }: EngineFixture, record: ContainerRecord): void {
  const path = join(root, "containers", record.ID, "config.v2.json");
  const told = JSON.parse(readFileSync(path, "utf8")) as ContainerRecord;
  writeFileSync(path, JSON.stringify({ ...told, State: { ...told.State, Running: true, Pid: process.pid } }));
}

test("B092 the last name takes image, nameless parents and layers along, top to base", { skip }, async () => {
  using fixture = await engineFixture();
  const base = await makeImage(fixture, { files: { a: "1" } });
  const middle = await makeImage(fixture, { base, config: { Env: ["A=b"] } });
  const top = await makeImage(fixture, { base: middle, names: ["app:1"], files: { b: "2" } });
  await fixture.engine.store.names.set(named(`app@${digest}`), top.id);
  const [low, high] = chainsOf(top);
  const known = { [top.id]: "top", [middle.id]: "middle", [base.id]: "base", [low!]: "low", [high!]: "high" };
  assert.deepEqual(await rmi(fixture, "app:1", {}, known), [
    "-app:1",
    `-app@${digest}`,
    "x top",
    "x high",
    "x middle",
    "x base",
    "x low",
  ]);
  assert.ok(await isEmpty(fixture));
});

test("B092 shared layers and images with names or children stay", { skip }, async () => {
  using fixture = await engineFixture();
  const base = await makeImage(fixture, { names: ["base:1"], files: { a: "1" } });
  const one = await makeImage(fixture, { base, names: ["one:1"], files: { b: "2" } });
  const two = await makeImage(fixture, { base, names: ["two:1"], files: { c: "3" } });
  assert.deepEqual(await rmi(fixture, "one:1"), ["-one:1", `x ${one.id}`, `x ${chainsOf(one)[1]}`]);
  assert.deepEqual(await rmi(fixture, "base:1"), ["-base:1"], "a parent is only untagged");
  assert.deepEqual(await fixture.engine.store.images.list(), [base.id, two.id].sort());
  assert.deepEqual(await rmi(fixture, "two:1"), [
    "-two:1",
    `x ${two.id}`,
    `x ${chainsOf(two)[1]}`,
    `x ${base.id}`,
    `x ${chainsOf(base)[0]}`,
  ]);
  assert.ok(await isEmpty(fixture));
});

test(
  "B092 one name of several is only untagged; digests go with the last tag of their repository",
  { skip },
  async () => {
    using fixture = await engineFixture();
    const image = await makeImage(fixture, { names: ["a:1", "a:2", "b:1"], files: { a: "1" } });
    await fixture.engine.store.names.set(named(`a@${digest}`), image.id);
    assert.deepEqual(await rmi(fixture, "a:1"), ["-a:1"]);
    assert.deepEqual(await rmi(fixture, "a:2"), ["-a:2", `-a@${digest}`]);
    await fixture.engine.store.names.set(named(`b@${digest}`), image.id);
    assert.deepEqual(await rmi(fixture, `b@${digest}`), [`-b@${digest}`]);
    assert.deepEqual((await rmi(fixture, "b:1")).slice(0, 1), ["-b:1"]);
    assert.ok(await isEmpty(fixture));
  },
);

test("B092 by ID: one tag with its digests goes at once, several need force", { skip }, async () => {
  using fixture = await engineFixture();
  const image = await makeImage(fixture, { names: ["a:1"], files: { a: "1" } });
  await fixture.engine.store.names.set(named(`a@${digest}`), image.id);
  const lines = await rmi(fixture, shortId(image.id));
  assert.deepEqual(lines, ["-a:1", `-a@${digest}`, `x ${image.id}`, `x ${chainsOf(image)[0]}`]);
  for (const names of [
    ["a:1", "a:2"],
    ["a:1", "b:1"],
  ]) {
    const other = await makeImage(fixture, { names, files: { a: "1" } });
    await assert.rejects(rmi(fixture, other.id), {
      kind: "conflict",
      message: `conflict: unable to delete ${shortId(other.id)} (must be forced) - image is referenced in multiple repositories`,
    });
    assert.deepEqual(
      (await rmi(fixture, other.id, { force: true })).slice(0, 2),
      names.map((name) => `-${name}`),
    );
    assert.ok(await isEmpty(fixture));
  }
});

test("B092 --no-prune keeps nameless parents, whose layers stay with them", { skip }, async () => {
  using fixture = await engineFixture();
  const base = await makeImage(fixture, { files: { a: "1" } });
  const top = await makeImage(fixture, { base, names: ["app:1"], files: { b: "2" } });
  assert.deepEqual(await rmi(fixture, "app:1", { noPrune: true }), [
    "-app:1",
    `x ${top.id}`,
    `x ${chainsOf(top)[1]}`,
  ]);
  assert.deepEqual(await fixture.engine.store.images.list(), [base.id]);
});

test("B093 conflicts, one each, in Docker's words", { skip }, async () => {
  using fixture = await engineFixture();
  const { images } = fixture.engine;
  const conflict = (message: string) => ({ kind: "conflict", message: `conflict: ${message}` });
  const base = await makeImage(fixture, { names: ["base:1"], files: { a: "1" } });
  await makeImage(fixture, { base, names: ["child:1"], files: { b: "2" } });
  const refuse = `unable to delete ${shortId(base.id)}`;
  await assert.rejects(
    images.remove(base.id),
    conflict(`${refuse} (cannot be forced) - image has dependent child images`),
  );
  await assert.rejects(
    images.remove(base.id, { force: true }),
    conflict(`${refuse} (cannot be forced) - image has dependent child images`),
  );
  const used = await makeImage(fixture, { names: ["used:1"], files: { c: "3" } });
  const record = await makeContainer(fixture, used);
  const [image, container] = [shortId(used.id), record.ID.slice(0, 12)];
  await assert.rejects(
    images.remove("used:1"),
    conflict(
      `unable to remove repository reference "used:1" (must force) - container ${container} is using its referenced image ${image}`,
    ),
  );
  await assert.rejects(
    images.remove(used.id),
    conflict(
      `unable to delete ${image} (must be forced) - image is being used by stopped container ${container}`,
    ),
  );
  pretendRunning(fixture, record);
  await assert.rejects(
    images.remove(used.id, { force: true }),
    conflict(
      `unable to delete ${image} (cannot be forced) - image is being used by running container ${container}`,
    ),
  );
  await assert.rejects(images.remove("x"), { kind: "not-found", message: "No such image: x:latest" });
});

test("B093 with another name left the one that a container uses may go", { skip }, async () => {
  using fixture = await engineFixture();
  const image = await makeImage(fixture, { names: ["a:1", "b:1"], files: { a: "1" } });
  await makeContainer(fixture, image);
  assert.deepEqual(await rmi(fixture, "a:1"), ["-a:1"]);
  assert.deepEqual([...(await fixture.engine.store.names.all()).keys()], ["b:1"]);
});

test(
  "B093 a name forced from a running container's image leaves image and container alone",
  { skip },
  async () => {
    using fixture = await engineFixture();
    const image = await makeImage(fixture, { names: ["a:1"], files: { a: "1" } });
    pretendRunning(fixture, await makeContainer(fixture, image));
    assert.deepEqual(await rmi(fixture, "a:1", { force: true }), ["-a:1"]);
    assert.deepEqual(await fixture.engine.store.images.list(), [image.id]);
  },
);

test(
  "B094 forced from a stopped container: the image goes, its layers stay for the container",
  { skip },
  async () => {
    using fixture = await engineFixture();
    const { engine } = fixture;
    const image = await makeImage(fixture, { names: ["a:1"], files: { hello: "world" } });
    const record = await makeContainer(fixture, image, { imageName: "a:1" });
    assert.deepEqual(await rmi(fixture, "a:1", { force: true }), ["-a:1", `x ${image.id}`]);
    assert.deepEqual(await engine.store.images.list(), []);
    const { stat } = await engine.containers.readArchive(record.ID, "/hello", {
      signal: new AbortController().signal,
    });
    assert.equal(stat.size, 5);
    const [summary] = await engine.containers.list({ all: true, size: true });
    assert.deepEqual([summary?.image, summary?.sizeRootFs], [shortId(image.id), 5]);
    await engine.containers.remove(record.ID);
  },
);

test("a container that was said to run and does not is a stopped one", { skip }, async () => {
  using fixture = await engineFixture();
  const image = await makeImage(fixture, { names: ["a:1"], files: { a: "1" } });
  const record = await makeContainer(fixture, image);
  const path = join(fixture.root, "containers", record.ID, "config.v2.json");
  // Above the kernel's greatest process ID.
  writeFileSync(
    path,
    JSON.stringify({ ...record, State: { ...record.State, Running: true, Pid: 2 ** 22 + 1 } }),
  );
  await assert.rejects(fixture.engine.images.remove(image.id), {
    message: /\(must be forced\) - image is being used by stopped container/,
  });
  assert.equal((await rmi(fixture, image.id, { force: true })).at(-1), `x ${image.id}`);
});

test("B090 a tag that moves leaves a dangling image, which prune removes", { skip }, async () => {
  using fixture = await engineFixture();
  const { images, store } = fixture.engine;
  const old = await makeImage(fixture, { names: ["app:1"], files: { a: "12345" } });
  const next = await makeImage(fixture, { names: ["app:1"], files: { b: "678" } });
  const digested = await makeImage(fixture, { files: { c: "90" } });
  await store.names.set(named(`gone@${digest}`), digested.id);
  const used = await makeImage(fixture, { files: { d: "1" } });
  const record = await makeContainer(fixture, used);
  const { removed, spaceReclaimed } = await images.prune();
  const lines = removed.map((line) => Object.values(line)[0] as string);
  assert.deepEqual(
    new Set(lines),
    new Set([old.id, ...chainsOf(old), `gone@${digest}`, digested.id, ...chainsOf(digested)]),
  );
  assert.equal(spaceReclaimed, 7);
  assert.deepEqual(await store.images.list(), [next.id, used.id].sort());
  await fixture.engine.containers.remove(record.ID);
});

test(
  "B090 prune with all takes tagged images that no container uses, and parents with them",
  { skip },
  async () => {
    using fixture = await engineFixture();
    const { images, containers } = fixture.engine;
    const base = await makeImage(fixture, { names: ["base:1"], files: { a: "1" } });
    await makeImage(fixture, { base, names: ["app:1", "app:2", "other:1"], files: { b: "22" } });
    const used = await makeImage(fixture, { names: ["used:1"], files: { c: "333" } });
    const record = await makeContainer(fixture, used);
    assert.equal((await images.prune({ all: true })).spaceReclaimed, 3);
    assert.deepEqual(
      (await images.list()).map(({ repoTags }) => repoTags),
      [["used:1"]],
    );
    await containers.remove(record.ID);
    assert.equal((await images.prune({ all: true })).spaceReclaimed, 3);
    assert.ok(await isEmpty(fixture));
  },
);
