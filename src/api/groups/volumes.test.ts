import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { daemonFixture, type DaemonFixture } from "../../../test/support/daemon_fixture.ts";
import { makeContainer, makeImage } from "../../../test/support/engine_fixture.ts";

const filters = (value: object): string => `filters=${encodeURIComponent(JSON.stringify(value))}`;

describe("B181 volumes over the API", () => {
  let host: DaemonFixture;
  before(async () => void (host = await daemonFixture()));
  after(() => host[Symbol.asyncDispose]());

  const names = async (query: string): Promise<string[]> => {
    const { Volumes } = (await host.ask(`/volumes?${query}`)).json<{ Volumes: { Name: string }[] }>();
    return Volumes.map(({ Name }) => Name);
  };
  const create = (body: object) => host.post("/v1.41/volumes/create", { body });

  test("create, inspect, list, remove", async () => {
    const made = await create({ Name: "data", Labels: { a: "b" } });
    assert.equal(made.status, 201);
    const volume = made.json();
    assert.deepEqual(Object.keys(volume), [
      "CreatedAt",
      "Driver",
      "Labels",
      "Mountpoint",
      "Name",
      "Options",
      "Scope",
    ]);
    assert.deepEqual((await host.ask("/volumes/data")).json(), volume);
    assert.deepEqual((await host.ask("/volumes")).json(), { Volumes: [volume], Warnings: null });
    const removed = await host.ask("/volumes/data", { method: "DELETE" });
    assert.deepEqual([removed.status, removed.text], [204, ""]);
    assert.deepEqual(host.events().slice(-2), ["volume create data", "volume destroy data"]);
  });

  test("one without a name", async () => {
    const { Name, Labels } = (await host.post("/volumes/create")).json();
    assert.match(String(Name), /^[0-9a-f]{64}$/);
    assert.deepEqual(Labels, { "com.docker.volume.anonymous": "" });
    await host.ask(`/volumes/${String(Name)}`, { method: "DELETE" });
  });

  // Statuses and texts of dockerd 20.10.
  for (const [method, path, body, status, message] of [
    ["GET", "/volumes/nope", undefined, 404, "get nope: no such volume"],
    ["DELETE", "/volumes/nope", undefined, 404, "get nope: no such volume"],
    ["GET", "/volumes/a%2fcontainers", undefined, 404, "get a/containers: no such volume"],
    [
      "POST",
      "/volumes/create",
      { Name: "ab", Driver: "foo" },
      404,
      'create ab: error looking up volume plugin foo: plugin "foo" not found',
    ],
    [
      "POST",
      "/volumes/create",
      { Name: "x" },
      400,
      "create x: volume name is too short, names should be at least two alphanumeric characters",
    ],
    [
      "POST",
      "/volumes/create",
      { Name: "ab", DriverOpts: { foo: "1" } },
      400,
      'create ab: invalid option: "foo"',
    ],
    [
      "POST",
      "/volumes/create",
      { Name: 1 },
      400,
      "json: cannot unmarshal number into Go struct field CreateOptions.Name of type string",
    ],
    [
      "POST",
      "/volumes/create",
      { Name: "cv", ClusterVolumeSpec: { Availability: "drain" } },
      503,
      "cannot create a cluster volume: this engine has local volumes only",
    ],
    [
      "PUT",
      "/volumes/data",
      {},
      503,
      "volume update only valid for cluster volumes, but swarm is unavailable",
    ],
    ["GET", `/volumes?${filters({ foo: ["x"] })}`, undefined, 400, "invalid filter 'foo'"],
    ["GET", `/volumes?${filters({ dangling: ["x"] })}`, undefined, 400, "invalid filter 'dangling=[x]'"],
    ["POST", `/volumes/prune?${filters({ name: ["x"] })}`, undefined, 400, "invalid filter 'name'"],
  ] as const) {
    test(`${method} ${path} ${JSON.stringify(body) ?? ""}: ${status}`, async () => {
      const answer = await host.ask(path, { method, ...(body !== undefined && { body }) });
      assert.deepEqual([answer.status, answer.json()], [status, { message }]);
    });
  }

  test("what is not there is removed by force", async () => {
    assert.equal((await host.ask("/volumes/nope?force=1", { method: "DELETE" })).status, 204);
  });

  test("filters, use, prune", async () => {
    const image = await makeImage(host, {
      files: { "data/f": "1234" },
      config: { Cmd: ["sh"], Volumes: { "/data": {} } },
    });
    const { ID, MountPoints } = await makeContainer(host, image, { hostConfig: { Binds: ["named:/n"] } });
    const anonymous = MountPoints["/data"]?.Name ?? "";
    await create({ Name: "idle", Labels: { keep: "" } });
    assert.deepEqual(await names(filters({ dangling: ["true"] })), ["idle"]);
    assert.deepEqual(await names(filters({ dangling: { false: true } })), [anonymous, "named"]);
    assert.deepEqual(await names(filters({ label: ["keep="], driver: ["local"] })), ["idle"]);
    const inUse = await host.ask("/volumes/named?force=1", { method: "DELETE" });
    assert.deepEqual(
      [inUse.status, inUse.json()],
      [409, { message: `remove named: volume is in use - [${ID}]` }],
    );
    const { Mounts } = (await host.ask(`/containers/${ID}/json`)).json<{ Mounts: { Name: string }[] }>();
    assert.deepEqual(Mounts, [
      {
        Type: "volume",
        Name: "named",
        Source: `${host.root}/volumes/named/_data`,
        Destination: "/n",
        Driver: "local",
        Mode: "z",
        RW: true,
        Propagation: "",
      },
      {
        Type: "volume",
        Name: anonymous,
        Source: `${host.root}/volumes/${anonymous}/_data`,
        Destination: "/data",
        Driver: "local",
        Mode: "",
        RW: true,
        Propagation: "",
      },
    ]);
    assert.equal((await host.ask(`/containers/${ID}`, { method: "DELETE" })).status, 204);
    const prune = async (version: string, query = ""): Promise<object> =>
      (await host.post(`/${version}/volumes/prune?${query}`)).json();
    // Since 1.42 those that have a name stay.
    assert.deepEqual(await prune("v1.42"), { VolumesDeleted: [anonymous], SpaceReclaimed: 4 });
    assert.deepEqual(await prune("v1.42", filters({ all: ["true"], "label!": ["keep"] })), {
      VolumesDeleted: ["named"],
      SpaceReclaimed: 0,
    });
    assert.deepEqual(await prune("v1.41"), { VolumesDeleted: ["idle"], SpaceReclaimed: 0 });
  });

  test("DELETE of a container with v=1 takes its own along", async () => {
    const image = await makeImage(host, { config: { Cmd: ["sh"], Volumes: { "/own": {} } } });
    const { ID } = await makeContainer(host, image, { hostConfig: { Binds: ["named:/n"] } });
    assert.equal((await host.ask(`/containers/${ID}?v=1`, { method: "DELETE" })).status, 204);
    assert.deepEqual(await names(""), ["named"]);
  });
});
