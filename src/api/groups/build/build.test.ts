import assert from "node:assert/strict";
import { gzipSync } from "node:zlib";
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { test } from "node:test";
import { daemonFixture, type DaemonFixture } from "../../../../test/support/daemon_fixture.ts";
import { makeImage } from "../../../../test/support/engine_fixture.ts";
import { sampleLayer } from "../../../../test/fixtures/sample_image.ts";
import { unlessLinux } from "../../../../test/suites/scratch.ts";
import { serveRegistry } from "../../../registry/index.ts";

const skip = unlessLinux;

const tarOf = async (files: Readonly<Record<string, string>>): Promise<Uint8Array> =>
  (await sampleLayer(files)).tar;

/** Lines of the answer, IDs by a word. */
function golden(text: string): string[] {
  return text
    .split("\r\n")
    .filter((line) => line !== "")
    .map((line) => line.replace(/sha256:[0-9a-f]{64}/g, "DIGEST").replace(/\b[0-9a-f]{12}\b/g, "ID"));
}

const dockerfile = "FROM base:1\nARG WHO\nLABEL who=$WHO\nCOPY f /g\n";

test("B179 a build's stream is that of Docker's old builder", { skip }, async () => {
  await using fixture = await daemonFixture();
  await makeImage(fixture, { names: ["base:1"], files: { f: "x" } });
  const body = gzipSync(await tarOf({ Dockerfile: dockerfile, f: "text" }));
  const args = `buildargs=${encodeURIComponent('{"WHO":"me","NONE":null}')}`;
  const labels = `labels=${encodeURIComponent('{"l":"1"}')}`;
  const build = () =>
    fixture.post(`/build?t=app:1&t=b/app:2&${args}&${labels}&memory=1024&shmsize=0&ulimits=null`, { body });
  const first = await build();
  assert.deepEqual([first.status, first.headers["content-type"]], [200, "application/json"]);
  const step = (number: number, text: string) => [
    `{"stream":"Step ${number}/5 : ${text}"}`,
    '{"stream":"\\n"}',
  ];
  const run = [
    '{"stream":" ---\\u003e Running in ID\\n"}',
    '{"stream":"Removing intermediate container ID\\n"}',
  ];
  const image = '{"stream":" ---\\u003e ID\\n"}';
  const end = [
    '{"aux":{"ID":"DIGEST"}}',
    '{"stream":"Successfully built ID\\n"}',
    '{"stream":"Successfully tagged app:1\\n"}',
    '{"stream":"Successfully tagged b/app:2\\n"}',
  ];
  assert.deepEqual(golden(first.text), [
    ...step(1, "FROM base:1"),
    image,
    ...step(2, "ARG WHO"),
    ...run,
    image,
    ...step(3, "LABEL who=$WHO"),
    ...run,
    image,
    ...step(4, "COPY f /g"),
    image,
    ...step(5, "LABEL l=1"),
    ...run,
    image,
    ...end,
  ]);
  const [{ aux }] = first.lines().filter((line) => "aux" in line) as [{ aux: { ID: string } }];
  const { ID } = aux;
  assert.deepEqual(fixture.events(), [`image create ${ID}`, `image tag ${ID}`, `image tag ${ID}`]);
  const { Config } = await fixture.engine.images.inspect("app:1");
  assert.deepEqual(Config?.Labels, { who: "me", l: "1" });
  const again = golden((await build()).text);
  assert.equal(again.filter((line) => line === '{"stream":" ---\\u003e Using cache\\n"}').length, 4);
  const quiet = await fixture.post("/build?q=1", { body });
  assert.deepEqual(golden(quiet.text), ['{"stream":"DIGEST\\n"}']);
});

test("B179 a build that cannot begin has a status; one that fails later, a line", { skip }, async () => {
  await using fixture = await daemonFixture();
  await makeImage(fixture, { names: ["base:1"], files: { f: "x" } });
  const post = async (query: string, text = "FROM base:1\n", headers = {}) =>
    fixture.post(`/build?${query}`, { body: await tarOf({ Dockerfile: text }), headers });
  for (const [query, text, status, message] of [
    ["", "FROM base:1\nFOO x\n", 400, "dockerfile parse error line 2: unknown instruction: FOO"],
    ["dockerfile=none", undefined, 500, "Cannot locate specified Dockerfile: none"],
    ["dockerfile=-", undefined, 500, "Cannot locate specified Dockerfile: ./-"],
    ["remote=/etc", undefined, 400, "remoteURL (/etc) could not be recognized as URL"],
    ["remote=file:///etc", undefined, 400, "remoteURL (file:///etc) could not be recognized as URL"],
    ["remote=client-session", undefined, 400, "remoteURL (client-session) could not be recognized as URL"],
    ["version=2&outputs=[{},{}]", undefined, 400, "multiple outputs not supported"],
    ["version=2&outputs=[{}]", undefined, 400, /^error reading outputs: /],
    ["version=2&outputs=[null]", undefined, 400, /^error reading outputs: /],
    ["version=2&networkmode=bridge", undefined, 400, 'network mode "bridge" not supported by buildkit'],
    ["version=3", undefined, 400, 'invalid version "3"'],
    ["t=UP", undefined, 400, "invalid reference format: repository name (library/UP) must be lowercase"],
    ["buildargs=%7Bx", undefined, 400, /^error reading build args: /],
    ["labels=%5B%5D", undefined, 400, "error reading labels: not a map of strings"],
    ["extrahosts=a", undefined, 400, 'bad format for add-host: "a"'],
    ["ulimits=%5B1%5D", undefined, 400, "error reading ulimit settings: not a list of limits"],
    ["cgroupparent=/a/../b", undefined, 400, 'invalid cgroup parent "/a/../b"'],
    ["memory=x", undefined, 400, 'strconv.Atoi: parsing "x": invalid syntax'],
    ["securityopt=x", undefined, 400, "security options are not supported on linux"],
  ] as const) {
    const answer = await post(query, text);
    const told = String(answer.json()["message"]);
    assert.equal(answer.status, status, `${query}: ${told}`);
    if (typeof message === "string") assert.equal(told, message);
    else assert.match(told, message);
  }
  const late = await post("", "FROM base:1\nCOPY nothing /\n");
  assert.equal(late.status, 200);
  const { error, errorDetail } = late.lines().at(-1) as { error: string; errorDetail: object };
  assert.match(error, /^COPY failed: /);
  assert.deepEqual(errorDetail, { message: error });
  const unreachable = await post("", "FROM base:1\nCOPY --from=127.0.0.1:1/x f /\n");
  assert.match(
    String(unreachable.lines().at(-1)?.["error"]),
    /^invalid from flag value 127\.0\.0\.1:1\/x: Get .*refused$/,
  );
  assert.deepEqual(fixture.warnings, []);
});

test("B177 B179 a build's base image is pulled with the credentials of the call", { skip }, async () => {
  await using registry = await serveRegistry({
    storage: "memory",
    auth: { kind: "basic", users: { bob: "secret" } },
  });
  await using fixture = await daemonFixture();
  const name = `${registry.address}/base:1`;
  await makeImage(fixture, { names: [name], files: { f: "x" } });
  // Tokens of cloud registries have kilobytes.
  const others = Array.from({ length: 40 }, (_, i) => [`r${i}.example`, { identitytoken: "x".repeat(4000) }]);
  const config = {
    ...Object.fromEntries(others),
    [registry.address]: { username: "bob", password: "secret" },
  } as Record<string, object>;
  const encoded = (value: object) => Buffer.from(JSON.stringify(value)).toString("base64url");
  const pushed = await fixture.post(`/images/${registry.address}/base/push?tag=1`, {
    headers: { "X-Registry-Auth": encoded(config[registry.address] as object) },
  });
  assert.ok("aux" in (pushed.lines().at(-1) ?? {}));
  await fixture.ask(`/images/${name}`, { method: "DELETE" });
  const body = await tarOf({ Dockerfile: `FROM ${name}\nLABEL a=b\n` });
  const refused = (await fixture.post("/build", { body })).lines().at(-1);
  assert.match(String(refused?.["error"]), /no basic auth credentials$/);
  const built = await fixture.post("/build", { body, headers: { "X-Registry-Config": encoded(config) } });
  assert.deepEqual(built.lines()[2], { status: "Pulling from base", id: "1" });
  const statuses = built.lines().map(({ status }) => status);
  assert.ok(statuses.includes(`Status: Downloaded newer image for ${name}`));
  assert.ok(fixture.events().includes(`image pull ${name}`));
  assert.match(String(built.lines().at(-1)?.["stream"]), /^Successfully built /);
});

test("B179 the image of each stage is told when the stage ends", { skip }, async () => {
  await using fixture = await daemonFixture();
  await makeImage(fixture, { names: ["base:1"], files: { f: "x" } });
  const stages = "FROM base:1 AS a\nLABEL a=b\nFROM a\nFROM base:1\nCOPY --from=a f /g\n";
  const built = await fixture.post("/build", { body: await tarOf({ Dockerfile: stages }) });
  const heads = golden(built.text).filter((line) => /aux|Step|built/.test(line));
  const step = (number: number, text: string) => `{"stream":"Step ${number}/5 : ${text}"}`;
  const image = '{"aux":{"ID":"DIGEST"}}';
  assert.deepEqual(heads, [
    step(1, "FROM base:1 AS a"),
    step(2, "LABEL a=b"),
    image,
    step(3, "FROM a"),
    image,
    step(4, "FROM base:1"),
    step(5, "COPY --from=a f /g"),
    image,
    '{"stream":"Successfully built ID\\n"}',
  ]);
});

test("B179 cachefrom: the cache is what the named images tell in their history", { skip }, async () => {
  await using fixture = await daemonFixture();
  await makeImage(fixture, { names: ["base:1"], files: { f: "x" } });
  const Dockerfile = "FROM base:1\nENV a=b\nCOPY f /g\nLABEL c=d\n";
  const body = await tarOf({ Dockerfile, f: "text" });
  const build = async (name: string, from: readonly string[]) => {
    const cachefrom = encodeURIComponent(JSON.stringify(from));
    const { text } = await fixture.post(`/build?t=${name}&cachefrom=${cachefrom}`, { body });
    return [(await fixture.engine.images.inspect(name)).Id, text.split("Using cache").length - 1] as const;
  };
  const [made] = await build("made", []);
  const saved = await fixture.ask("/images/get?names=made");
  await fixture.ask("/images/made", { method: "DELETE" });
  await fixture.post("/images/load", { body: saved.bytes });
  assert.deepEqual(await build("again", ["absent", "made"]), [made, 3]);
  assert.deepEqual(await build("again", ["made"]), [made, 3]);
  assert.equal((await fixture.engine.images.list({})).length, 2, "what lies between is nobody's image");
  const [other, hits] = await build("other", ["absent"]);
  assert.notEqual(other, made);
  assert.equal(hits, 0);
  const [third, some] = await build("third", ["base:1"]);
  assert.deepEqual([third === made, some], [false, 0]);
});

test("B179 a context from a URL; a build that is cancelled", { skip }, async () => {
  await using fixture = await daemonFixture();
  await makeImage(fixture, { names: ["base:1"], files: { f: "x" } });
  const asked = Promise.withResolvers<void>();
  const server = createServer(({ url }, response) => {
    if (url === "/Dockerfile") return void response.end("FROM base:1\nLABEL a=b\n");
    asked.resolve();
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const built = await fixture.post(`/build?remote=${url}/Dockerfile`);
  assert.match(String(built.lines().at(-1)?.["stream"]), /^Successfully built /);
  const never = fixture.post(`/build?remote=${url}/never&buildid=mine`);
  await asked.promise;
  assert.equal((await fixture.post("/build/cancel?id=mine")).status, 200);
  assert.deepEqual([(await never).status, (await never).json()], [499, { message: "context canceled" }]);
  server.closeAllConnections();
  server.close();
  assert.equal((await fixture.post("/build/cancel?id=other")).status, 200);
  const without = await fixture.post("/build/cancel");
  assert.deepEqual([without.status, without.json()], [400, { message: "build ID not provided" }]);
});

test("B179 the build cache is pruned; clients learn that there is no BuildKit", { skip }, async () => {
  await using fixture: DaemonFixture = await daemonFixture();
  const pruned = await fixture.post("/build/prune?all=1");
  assert.deepEqual([pruned.status, pruned.json()], [200, { CachesDeleted: null, SpaceReclaimed: 0 }]);
  assert.equal(fixture.lastEvent()?.Type, "builder");
  // As `docker system prune --filter label=x` asks.
  const labelled = await fixture.post(`/build/prune?all=1&filters=${encodeURIComponent('{"label":["x"]}')}`);
  assert.deepEqual(labelled.json(), { CachesDeleted: null, SpaceReclaimed: 0 });
  for (const path of ["/session", "/grpc"]) assert.equal((await fixture.post(path)).status, 400);
  assert.equal((await fixture.ask("/_ping")).headers["builder-version"], "2");
});
