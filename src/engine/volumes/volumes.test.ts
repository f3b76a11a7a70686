/** Volumes of one root, without containers that run. */
import assert from "node:assert/strict";
import * as fs from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import {
  engineFixture,
  makeContainer,
  makeImage,
  type EngineFixture,
} from "../../../test/support/engine_fixture.ts";
import { removeHalfMade } from "../containers/remove_half_made.ts";

const modeOf = (path: string): string => (fs.statSync(path).mode & 0o7777).toString(8);

describe("B181 volumes", () => {
  test("lie where dockerd's lie, with its modes", async () => {
    using host = await engineFixture();
    const { engine, root } = host;
    const volume = await engine.volumes.create({ name: "data", labels: { a: "b" } });
    assert.deepEqual(
      { ...volume, CreatedAt: /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/.test(volume.CreatedAt) },
      {
        CreatedAt: true,
        Driver: "local",
        Labels: { a: "b" },
        Mountpoint: join(root, "volumes/data/_data"),
        Name: "data",
        Options: null,
        Scope: "local",
      },
    );
    assert.deepEqual(
      ["volumes", "volumes/data", "volumes/data/_data"].map((path) => modeOf(join(root, path))),
      ["701", "701", "755"],
    );
    const again = await engine.volumes.create({ name: "data", labels: { a: "c" } });
    assert.deepEqual(again.Labels, { a: "b" });
  });

  test("without a name get one and a label that says so", async () => {
    using host = await engineFixture();
    const volume = await host.engine.volumes.create();
    assert.match(volume.Name, /^[0-9a-f]{64}$/);
    assert.deepEqual(volume.Labels, { "com.docker.volume.anonymous": "" });
  });

  test("what a kill left of one that was made or removed goes with the next daemon", async () => {
    using host = await engineFixture();
    await host.engine.volumes.create({ name: "whole" });
    for (const name of ["made", "foreign"]) fs.mkdirSync(join(host.root, "volumes", name));
    fs.writeFileSync(join(host.root, "volumes/made/varve.json"), "{}");
    fs.writeFileSync(join(host.root, "volumes/foreign/file"), "");
    await removeHalfMade(host.engine.store);
    assert.deepEqual(fs.readdirSync(join(host.root, "volumes")).sort(), ["foreign", "whole"]);
  });

  test("options are kept as dockerd reads them", async () => {
    using host = await engineFixture();
    const options = { type: "tmpfs", device: "tmpfs", o: "size=10m" };
    const volume = await host.engine.volumes.create({ name: "tm", options });
    assert.deepEqual(volume.Options, options);
    assert.equal(
      fs.readFileSync(join(host.root, "volumes/tm/opts.json"), "utf8"),
      '{"MountType":"tmpfs","MountOpts":"size=10m","MountDevice":"tmpfs","Quota":{"Size":0}}',
    );
  });

  const tooShort = "volume name is too short, names should be at least two alphanumeric characters";
  const badName = (name: string): string =>
    `create ${name}: ${JSON.stringify(name)} includes invalid characters for a local volume name, only "[a-zA-Z0-9][a-zA-Z0-9_.-]" are allowed. If you intended to pass a host directory, use absolute path`;
  for (const [options, kind, message] of [
    [{ name: "x" }, "invalid", `create x: ${tooShort}`],
    [{ name: "../x" }, "invalid", badName("../x")],
    [{ name: ".x" }, "invalid", badName(".x")],
    [
      { name: "ab", driver: "foo" },
      "not-found",
      'create ab: error looking up volume plugin foo: plugin "foo" not found',
    ],
    [{ name: "ab", options: { foo: "1" } }, "invalid", 'create ab: invalid option: "foo"'],
    [{ name: "ab", options: { type: "tmpfs" } }, "invalid", 'create ab: missing required option: "device"'],
    [{ name: "ab", options: { o: "x" } }, "invalid", 'create ab: missing required option: "device"'],
    [
      { name: "ab", options: { size: "1g" } },
      "invalid",
      "create ab: quota size requested but no quota support",
    ],
  ] as const) {
    test(`create refuses ${JSON.stringify(options)}`, async () => {
      using host = await engineFixture();
      await assert.rejects(host.engine.volumes.create(options), { kind, message });
      assert.deepEqual(await host.engine.volumes.list(), []);
    });
  }

  test("one that is not there", async () => {
    using host = await engineFixture();
    const { volumes } = host.engine;
    const missing = { kind: "not-found", message: "get nope: no such volume" };
    await assert.rejects(volumes.inspect("nope"), missing);
    await assert.rejects(volumes.remove("nope"), missing);
    await volumes.remove("nope", { force: true });
    await assert.rejects(volumes.inspect("../containers"), { kind: "not-found" });
  });

  test("a half-made one is none, and is made whole", async () => {
    using host = await engineFixture();
    fs.mkdirSync(join(host.root, "volumes/half"), { recursive: true });
    assert.deepEqual(await host.engine.volumes.list(), []);
    await host.engine.volumes.create({ name: "half" });
    assert.equal((await host.engine.volumes.list()).length, 1);
  });

  test("filters", async () => {
    using host = await engineFixture();
    const { volumes } = host.engine;
    await volumes.create({ name: "one", labels: { a: "1", b: "" } });
    await volumes.create({ name: "two", labels: { a: "2" } });
    await volumes.create({ name: "three" });
    const names = async (filter: Parameters<typeof volumes.list>[0]): Promise<string[]> =>
      (await volumes.list(filter)).map(({ Name }) => Name);
    assert.deepEqual(await names({}), ["one", "three", "two"]);
    assert.deepEqual(await names({ names: ["^t"] }), ["three", "two"]);
    assert.deepEqual(await names({ names: ["(", "one"] }), ["one"]);
    await volumes.create({ name: "a".repeat(40) });
    // By itself it would take for ever.
    assert.deepEqual(await names({ names: ["^(a+)+b", "one"] }), ["one"]);
    await volumes.remove("a".repeat(40));
    assert.deepEqual(await names({ drivers: ["nfs"] }), []);
    assert.deepEqual(await names({ labels: ["a"] }), ["one", "two"]);
    assert.deepEqual(await names({ labels: ["a=1", "b="] }), ["one"]);
    assert.deepEqual(await names({ labels: ["constructor"] }), []);
    assert.deepEqual(await names({ withoutLabels: ["a=1"] }), ["three", "two"]);
  });
});

async function used(host: EngineFixture): Promise<{ id: string; events: string[] }> {
  const events: string[] = [];
  host.engine.events.listen(({ Type, Action, Actor }) =>
    events.push(`${Type} ${Action} ${Actor.ID.length === 64 ? "anonymous" : Actor.ID}`),
  );
  const image = await makeImage(host, {
    names: ["base:1"],
    files: { "data/": "", "data/f": "content" },
    config: { Cmd: ["sh"], Volumes: { "/data": {} } },
  });
  const { ID } = await makeContainer(host, image, { hostConfig: { Binds: ["named:/n"] } });
  return { id: ID, events };
}

describe("B181 volumes of a container", () => {
  test("are in use while it is there, and those without a name go with it", async () => {
    using host = await engineFixture();
    const { volumes, containers } = host.engine;
    const { id, events } = await used(host);
    const [anonymous] = await volumes.list({ labels: ["com.docker.volume.anonymous"] });
    assert.equal(fs.readFileSync(join(anonymous?.Mountpoint ?? "", "f"), "utf8"), "content");
    assert.equal((await volumes.list({ dangling: true })).length, 0);
    await assert.rejects(volumes.remove("named", { force: true }), {
      kind: "conflict",
      message: `remove named: volume is in use - [${id}]`,
    });
    assert.deepEqual((await volumes.prune({ all: true })).VolumesDeleted, []);
    const usage = (await volumes.usage()).find(({ Name }) => Name === anonymous?.Name);
    assert.deepEqual(usage?.UsageData, { RefCount: 1, Size: 7 });
    await containers.remove(id, { volumes: true });
    assert.deepEqual(
      (await volumes.list()).map(({ Name }) => Name),
      ["named"],
    );
    assert.deepEqual((await volumes.prune()).VolumesDeleted, []);
    assert.deepEqual((await volumes.prune({ all: true })).VolumesDeleted, ["named"]);
    assert.deepEqual(events, [
      "volume create named",
      "volume create anonymous",
      "container create anonymous",
      "volume prune ",
      "volume destroy anonymous",
      "container destroy anonymous",
      "volume prune ",
      "volume destroy named",
      "volume prune ",
    ]);
  });

  test("stay when it goes, unless that is asked for", async () => {
    using host = await engineFixture();
    const { id } = await used(host);
    await host.engine.containers.remove(id);
    const left = await host.engine.volumes.list({ dangling: true });
    assert.equal(left.length, 2);
    const { VolumesDeleted, SpaceReclaimed } = await host.engine.volumes.prune();
    assert.equal(VolumesDeleted.length, 1);
    assert.equal(SpaceReclaimed, 7);
  });

  test("that another container has stay", async () => {
    using host = await engineFixture();
    const { id } = await used(host);
    const image = await host.engine.images.resolve("base:1");
    const second = await makeContainer(host, image, { hostConfig: { VolumesFrom: [id] } });
    assert.deepEqual(
      Object.values(second.MountPoints).map(({ Destination, Driver }) => `${Destination} ${Driver}`),
      ["/n local", "/data local"],
    );
    await host.engine.containers.remove(id, { volumes: true });
    assert.equal((await host.engine.volumes.list({ dangling: false })).length, 2);
    await host.engine.containers.remove(second.ID, { volumes: true });
    assert.deepEqual(
      (await host.engine.volumes.list()).map(({ Name }) => Name),
      ["named"],
    );
  });

  test("are never taken away from one that is being made", async () => {
    using host = await engineFixture();
    const { volumes } = host.engine;
    const image = await makeImage(host, { files: { "data/f": "content" } });
    const rounds = Array.from({ length: 12 }, async (_, index) => {
      const name = `v${index % 3}`;
      const removing = volumes.remove(name, { force: true }).catch((error: Error) => error.message);
      const { MountPoints } = await makeContainer(host, image, { hostConfig: { Binds: [`${name}:/data`] } });
      const said = await removing;
      return [
        fs.existsSync(join(MountPoints["/data"]?.Source ?? "", "f")),
        said ?? "volume is in use",
      ] as const;
    });
    for (const [filled, said] of await Promise.all(rounds)) {
      assert.equal(filled, true);
      assert.match(said, /volume is in use/);
    }
    assert.equal((await volumes.list({ dangling: false })).length, 3);
  });

  test("that were made for one that could not be made go again", async () => {
    using host = await engineFixture();
    const image = await makeImage(host, { files: { "data/f": "" } });
    const make = (binds: string[]): Promise<unknown> =>
      makeContainer(host, image, { name: "web", hostConfig: { Binds: binds } });
    await assert.rejects(make(["fine:/a", "x:/b"]), { kind: "invalid" });
    await assert.rejects(make(["over:/data/f"]), {
      kind: "invalid",
      message: /^cannot mount volume over existing file, file exists .*\/data\/f$/,
    });
    assert.deepEqual(await host.engine.containers.list({ all: true }), []);
    assert.deepEqual(
      (await host.engine.volumes.list()).map(({ Name }) => Name),
      ["over"],
    );
    await make(["fine:/a"]);
  });
});
