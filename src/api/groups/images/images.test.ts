import assert from "node:assert/strict";
import { test } from "node:test";
import { daemonFixture, type DaemonFixture } from "../../../../test/support/daemon_fixture.ts";
import { makeImage } from "../../../../test/support/engine_fixture.ts";
import { unlessLinux } from "../../../../test/suites/scratch.ts";

const skip = unlessLinux;
const filters = (value: object): string => `filters=${encodeURIComponent(JSON.stringify(value))}`;

interface Row {
  readonly Id: string;
  readonly RepoTags: string[] | null;
  readonly RepoDigests: string[] | null;
}

async function tags(fixture: DaemonFixture, query: string): Promise<string[]> {
  const answer = await fixture.ask(`/v1.50/images/json?${query}`);
  assert.equal(answer.status, 200, answer.text);
  return answer.json<Row[]>().map(({ RepoTags }) => RepoTags?.join(" ") ?? "null");
}

test("B179 the list of images has the fields of its version", { skip }, async () => {
  await using fixture = await daemonFixture();
  const named = await makeImage(fixture, { names: ["a:1"], files: { f: "some text" } });
  const dangling = await makeImage(fixture, {
    created: "2025-01-01T00:00:00Z",
    config: { Labels: { k: "v" } },
  });
  const rows = async (version: string) =>
    (await fixture.ask(`/${version}/images/json`)).json<Record<string, unknown>[]>();
  const common = { Containers: -1, ParentId: "", SharedSize: -1 };
  const first = { ...common, Created: 1767225600, Id: named.id, Labels: null, RepoTags: ["a:1"], Size: 9 };
  const second = { ...common, Created: 1735689600, Id: dangling.id, Labels: { k: "v" }, Size: 0 };
  assert.deepEqual(await rows("v1.41"), [
    { ...first, RepoDigests: null, VirtualSize: 9 },
    { ...second, RepoTags: ["<none>:<none>"], RepoDigests: ["<none>@<none>"], VirtualSize: 0 },
  ]);
  assert.deepEqual(await rows("v1.43"), [
    { ...first, RepoDigests: [], VirtualSize: 9 },
    { ...second, RepoTags: [], RepoDigests: [], VirtualSize: 0 },
  ]);
  assert.deepEqual(await rows("v1.50"), [
    { ...first, RepoDigests: [] },
    { ...second, RepoTags: [], RepoDigests: [] },
  ]);
});

test("B179 images are listed by filters", { skip }, async () => {
  await using fixture = await daemonFixture();
  const base = await makeImage(fixture, {
    names: ["base:1"],
    files: { f: "1" },
    created: "2025-01-01T00:00:00Z",
  });
  await makeImage(fixture, {
    names: ["app/x:1", "app/x:2"],
    base,
    files: { g: "2" },
    config: { Labels: { k: "v" } },
    created: "2025-06-01T00:00:00Z",
  });
  await makeImage(fixture, { created: "2026-01-01T00:00:00Z" });
  assert.deepEqual(await tags(fixture, filters({ reference: ["app/*"] })), ["app/x:1 app/x:2"]);
  assert.deepEqual(await tags(fixture, filters({ reference: { "base:*": true } })), ["base:1"]);
  assert.deepEqual(await tags(fixture, filters({ label: ["k=v"] })), ["app/x:1 app/x:2"]);
  assert.deepEqual(await tags(fixture, filters({ dangling: ["true"] })), [""]);
  assert.deepEqual(await tags(fixture, filters({ dangling: ["0"] })), ["app/x:1 app/x:2", "base:1"]);
  assert.deepEqual(await tags(fixture, filters({ before: ["app/x:1"] })), ["base:1"]);
  assert.deepEqual(await tags(fixture, filters({ since: ["app/x:1"] })), [""]);
  assert.deepEqual(await tags(fixture, filters({ until: ["2025-02-01"] })), ["base:1"]);
  const shared = (await fixture.ask("/v1.42/images/json?shared-size=1")).json<{ SharedSize: number }[]>();
  assert.deepEqual(
    shared.map(({ SharedSize }) => SharedSize),
    [0, 1, 1],
  );
  const old = (await fixture.ask("/v1.40/images/json?filter=base")).json<Row[]>();
  assert.deepEqual(
    old.map(({ Id }) => Id),
    [base.id],
  );
  for (const [query, status, message] of [
    [filters({ foo: ["x"] }), 400, "invalid filter 'foo'"],
    [filters({ dangling: ["x"] }), 400, "invalid filter 'dangling=[x]'"],
    [filters({ before: ["nope"] }), 404, "No such image: nope:latest"],
  ] as const) {
    const answer = await fixture.ask(`/images/json?${query}`);
    assert.deepEqual([answer.status, answer.json()], [status, { message }]);
  }
});

interface Inspected {
  readonly Id: string;
  readonly RepoTags: string[];
  readonly VirtualSize?: number;
  readonly Config?: { readonly Hostname: string };
  readonly ContainerConfig?: { readonly Cmd: null };
}

test("B179 an image is inspected as its version has it, by a name with slashes", { skip }, async () => {
  await using fixture = await daemonFixture();
  const image = await makeImage(fixture, {
    names: ["127.0.0.1:5000/a/b:1"],
    files: { f: "x" },
    config: { Cmd: ["sh"], Labels: { k: "v" } },
  });
  const inspect = async (version: string, name: string) =>
    (await fixture.ask(`/${version}/images/${name}/json`)).json<Inspected>();
  const old = await inspect("v1.41", "127.0.0.1:5000/a/b:1");
  assert.deepEqual(
    [old.Id, old.RepoTags, old.VirtualSize, old.Config?.Hostname, old.ContainerConfig?.Cmd],
    [image.id, ["127.0.0.1:5000/a/b:1"], 1, "", null],
  );
  const between = await inspect("v1.44", image.id);
  assert.deepEqual(["VirtualSize" in between, "ContainerConfig" in between], [false, true]);
  const fresh = await inspect("v1.50", image.id.slice(7, 19));
  assert.deepEqual(
    ["Container", "ContainerConfig", "VirtualSize"].filter((key) => key in fresh),
    [],
  );
  const headers = { "User-Agent": "docker-compose/1.29.2 docker-py/5.0.3 Linux/6.1" };
  const compose = (await fixture.ask(`/v1.50/images/${image.id}/json`, { headers })).json();
  assert.ok("ContainerConfig" in compose);
  assert.deepEqual(fresh.Config, {
    User: "",
    Env: null,
    Cmd: ["sh"],
    Volumes: null,
    WorkingDir: "",
    Entrypoint: null,
    OnBuild: null,
    Labels: { k: "v" },
  });
  const missing = await fixture.ask("/images/a/nope/json");
  assert.deepEqual([missing.status, missing.json()], [404, { message: "No such image: a/nope:latest" }]);
});

test("B179 the history of an image", { skip }, async () => {
  await using fixture = await daemonFixture();
  const base = await makeImage(fixture, { names: ["base:1"], files: { f: "1" }, createdBy: "ADD f" });
  const image = await makeImage(fixture, {
    names: ["app:1", "app:2"],
    base,
    createdBy: "CMD",
    comment: "why",
  });
  const row = { Created: 1767225600 };
  assert.deepEqual((await fixture.ask("/images/app:1/history")).json(), [
    { ...row, Comment: "why", CreatedBy: "CMD", Id: image.id, Size: 0, Tags: ["app:1", "app:2"] },
    { ...row, Comment: "", CreatedBy: "ADD f", Id: base.id, Size: 1, Tags: ["base:1"] },
  ]);
});

test("B179 tag and delete, with their events", { skip }, async () => {
  await using fixture = await daemonFixture();
  const { id } = await makeImage(fixture, {
    names: ["a:1"],
    files: { f: "x" },
    config: { Labels: { k: "v" } },
  });
  const tagged = await fixture.post("/images/a:1/tag?repo=127.0.0.1:5000/b&tag=2");
  assert.deepEqual([tagged.status, tagged.text], [201, ""]);
  assert.deepEqual(fixture.lastEvent()?.Actor, {
    ID: id,
    Attributes: { k: "v", name: "127.0.0.1:5000/b:2" },
  });
  for (const [path, status, message] of [
    ["/images/nope/tag?repo=x", 404, "No such image: nope:latest"],
    [
      "/images/a:1/tag?repo=sha256&tag=1",
      400,
      "refusing to create an ambiguous tag using digest algorithm as name",
    ],
    ["/images/a:1/tag", 400, "invalid reference format"],
    ["/images/a:1/tag?repo=x&tag=a%20b", 400, "invalid reference format"],
  ] as const) {
    const answer = await fixture.post(path);
    assert.deepEqual([answer.status, answer.json()], [status, { message }], path);
  }
  const remove = (name: string) => fixture.ask(`/images/${name}`, { method: "DELETE" });
  const conflict = await remove(id);
  assert.deepEqual(
    [conflict.status, conflict.json()],
    [
      409,
      {
        message: `conflict: unable to delete ${id.slice(7, 19)} (must be forced) - image is referenced in multiple repositories`,
      },
    ],
  );
  assert.deepEqual((await remove("127.0.0.1:5000/b:2")).json(), [{ Untagged: "127.0.0.1:5000/b:2" }]);
  const gone = await remove("a:1");
  assert.equal(gone.status, 200);
  assert.deepEqual(gone.json<object[]>().slice(0, 2), [{ Untagged: "a:1" }, { Deleted: id }]);
  assert.equal(gone.json<object[]>().length, 3, "the layer");
  assert.deepEqual(fixture.events(), [
    `image tag ${id}`,
    `image untag ${id}`,
    `image untag ${id}`,
    `image delete ${id}`,
  ]);
  assert.equal((await remove("a:1")).status, 404);
  const blank = await remove("%20");
  assert.deepEqual([blank.status, blank.json()], [400, { message: "image name cannot be blank" }]);
});

test("B179 prune takes what is dangling, or all that is not used, by filters", { skip }, async () => {
  await using fixture = await daemonFixture();
  await makeImage(fixture, { names: ["kept:1"], files: { f: "x" }, config: { Labels: { keep: "" } } });
  await makeImage(fixture, { names: ["other:1"], files: { g: "yy" } });
  const dangling = await makeImage(fixture, { files: { h: "zzz" } });
  const prune = async (query = "") => (await fixture.post(`/images/prune?${query}`)).json<never>();
  assert.deepEqual(await prune(filters({ until: ["2025-01-01"] })), {
    ImagesDeleted: null,
    SpaceReclaimed: 0,
  });
  const first = await prune();
  assert.deepEqual([first["ImagesDeleted"][0], first["SpaceReclaimed"]], [{ Deleted: dangling.id }, 3]);
  assert.deepEqual(fixture.lastEvent()?.Actor, { ID: "", Attributes: { reclaimed: "3" } });
  const second = await prune(filters({ dangling: ["false"], "label!": ["keep"] }));
  assert.deepEqual([second["ImagesDeleted"][0], second["SpaceReclaimed"]], [{ Untagged: "other:1" }, 2]);
  assert.deepEqual(await tags(fixture, ""), ["kept:1"]);
  assert.equal((await fixture.post(`/images/prune?${filters({ foo: ["x"] })}`)).status, 400);
});
