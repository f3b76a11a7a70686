import assert from "node:assert/strict";
import { once } from "node:events";
import { existsSync, readdirSync } from "node:fs";
import { createServer } from "node:http";
import { connect, type AddressInfo } from "node:net";
import { join } from "node:path";
import { test } from "node:test";
import { daemonFixture, type DaemonFixture } from "../../../../test/support/daemon_fixture.ts";
import { makeImage } from "../../../../test/support/engine_fixture.ts";
import { unlessLinux } from "../../../../test/suites/scratch.ts";
import { sampleLayer } from "../../../../test/fixtures/sample_image.ts";
import { serveRegistry } from "../../../registry/index.ts";

const skip = unlessLinux;

/** Lines as Docker prints them, what differs from run to run by name. */
function golden(text: string, known: Readonly<Record<string, string>>): string[] {
  const named = Object.entries(known).reduce((all, [name, value]) => all.replaceAll(value, name), text);
  return named
    .split("\r\n")
    .filter((line) => line !== "")
    .map((line) => line.replace(/"(Downloading|Extracting|Compressing|Pushing|Loading layer)".*/, '"$1"...'))
    .filter((line, i, all) => line !== all[i - 1]);
}

const auth = (value: object) => ({
  "X-Registry-Auth": Buffer.from(JSON.stringify(value)).toString("base64url"),
});
const bob = { username: "bob", password: "sec?et>" };

test("B179 push and pull tell their progress as Docker does", { skip }, async () => {
  await using registry = await serveRegistry({ storage: "memory" });
  await using publisher = await daemonFixture();
  await using user = await daemonFixture();
  const repository = `${registry.address}/a/b`;
  const image = await makeImage(publisher, { names: [`${repository}:1`], files: { f: "x" } });
  const pushed = await publisher.post(`/images/${repository}/push?tag=1`);
  assert.equal(pushed.headers["content-type"], "application/json");
  const [{ aux }] = pushed.lines().slice(-1) as [{ aux: { Digest: string; Size: number } }];
  const { Digest, Size } = aux;
  const diff = String(image.config.rootfs.diff_ids?.[0]);
  const known = { REPOSITORY: repository, DIGEST: Digest, DIFF: diff.slice(7, 19), SIZE: String(Size) };
  const end = [
    '{"status":"1: digest: DIGEST size: SIZE"}',
    '{"progressDetail":{},"aux":{"Tag":"1","Digest":"DIGEST","Size":SIZE}}',
  ];
  assert.deepEqual(golden(pushed.text, known), [
    '{"status":"The push refers to repository [REPOSITORY]"}',
    '{"status":"Preparing","progressDetail":{},"id":"DIFF"}',
    '{"status":"Compressing"...',
    '{"status":"Pushing"...',
    '{"status":"Pushed","progressDetail":{},"id":"DIFF"}',
    ...end,
  ]);
  assert.deepEqual(golden((await publisher.post(`/images/${repository}/push?tag=1`)).text, known), [
    '{"status":"The push refers to repository [REPOSITORY]"}',
    '{"status":"Preparing","progressDetail":{},"id":"DIFF"}',
    '{"status":"Layer already exists","progressDetail":{},"id":"DIFF"}',
    ...end,
  ]);
  assert.deepEqual(publisher.lastEvent()?.Actor, {
    ID: `${repository}:1`,
    Attributes: { name: repository },
  });

  const blob = (await publisher.engine.store.blobs.list())[0]?.digest as string;
  const pull = async (): Promise<string[]> => {
    const answer = await user.post(`/images/create?fromImage=${repository}&tag=1`);
    assert.equal(answer.status, 200, answer.text);
    return golden(answer.text, { ...known, BLOB: blob.slice(7, 19) });
  };
  assert.deepEqual(await pull(), [
    '{"status":"Pulling from a/b","id":"1"}',
    '{"status":"Pulling fs layer","progressDetail":{},"id":"BLOB"}',
    '{"status":"Downloading"...',
    '{"status":"Verifying Checksum","progressDetail":{},"id":"BLOB"}',
    '{"status":"Download complete","progressDetail":{},"id":"BLOB"}',
    '{"status":"Extracting"...',
    '{"status":"Pull complete","progressDetail":{},"id":"BLOB"}',
    '{"status":"Digest: DIGEST"}',
    '{"status":"Status: Downloaded newer image for REPOSITORY:1"}',
  ]);
  assert.deepEqual(await pull(), [
    '{"status":"Pulling from a/b","id":"1"}',
    '{"status":"Digest: DIGEST"}',
    '{"status":"Status: Image is up to date for REPOSITORY:1"}',
  ]);
  const byDigest = await user.post(`/images/create?fromImage=${repository}&tag=${Digest}`);
  assert.equal(
    byDigest.lines().at(-1)?.["status"],
    `Status: Image is up to date for ${repository}@${Digest}`,
  );
  assert.deepEqual(user.events().slice(0, 2), [`image pull ${repository}:1`, `image pull ${repository}:1`]);
  await user.ask(`/images/${repository}:1`, { method: "DELETE" });
  assert.deepEqual(
    user.events().filter((event) => event.startsWith("image untag")),
    [`image untag ${image.id}`],
    "of the digest that goes with the tag nothing is told",
  );
  const described = await user.ask(`/distribution/${repository}:1/json`);
  assert.deepEqual(described.json(), {
    Descriptor: {
      mediaType: "application/vnd.docker.distribution.manifest.v2+json",
      digest: Digest,
      size: Size,
    },
    Platforms: [{ architecture: "amd64", os: "linux" }],
  });
});

test("B179 without a tag all tags are pushed and pulled", { skip }, async () => {
  await using registry = await serveRegistry({ storage: "memory" });
  await using publisher = await daemonFixture();
  await using user = await daemonFixture();
  const repository = `${registry.address}/all`;
  await makeImage(publisher, { names: [`${repository}:2`, `${repository}:1`], files: { f: "x" } });
  const pushed = (await publisher.post(`/images/${repository}/push`)).lines();
  assert.deepEqual(
    pushed.flatMap(({ aux }) => (aux as { Tag: string } | undefined)?.Tag ?? []),
    ["1", "2"],
  );
  assert.equal(pushed.filter(({ status }) => String(status).startsWith("The push refers")).length, 1);
  const pulled = await user.post(`/images/create?fromImage=${repository}:`);
  assert.equal(pulled.lines().at(-1)?.["status"], `Status: Downloaded newer image for ${repository}`);
  const [image] = (await user.ask("/images/json")).json<{ RepoTags: string[] }[]>();
  assert.deepEqual(image?.RepoTags, [`${repository}:1`, `${repository}:2`]);
});

test(
  "B179 what fails at a registry has Docker's status before the first line, and is a line after it",
  { skip },
  async () => {
    await using registry = await serveRegistry({ storage: "memory" });
    await using fixture = await daemonFixture();
    const missing = `${registry.address}/no`;
    for (const [path, status, message] of [
      [
        `fromImage=${missing}&tag=1`,
        404,
        `manifest for ${missing}:1 not found: manifest unknown: manifest unknown`,
      ],
      [
        "fromImage=127.0.0.1:1/x&tag=1",
        500,
        'Get "http://127.0.0.1:1/v2/": dial tcp 127.0.0.1:1: connect: connection refused',
      ],
      ["fromImage=UP&tag=1", 400, "invalid reference format: repository name (library/UP) must be lowercase"],
      ["fromImage=scratch", 403, "'scratch' is a reserved name"],
      ["", 400, "neither fromImage nor fromSrc is given"],
      ["fromImage=a&platform=x/y/z/w", 400, undefined],
      ["fromSrc=-&platform=windows", 400, "operating system is not supported"],
    ] as const) {
      const answer = await fixture.post(`/images/create?${path}`);
      assert.equal(answer.status, status, answer.text);
      if (message !== undefined) assert.deepEqual(answer.json(), { message });
    }
    await makeImage(fixture, { names: [`${missing}/other:1`], files: { f: "x" } });
    const untagged = await fixture.post(`/images/${missing}/other/push?tag=2`);
    assert.equal(untagged.lines().at(-1)?.["error"], `tag does not exist: ${missing}/other:2`);
    const pushed = await fixture.post(`/images/${missing}/push?tag=1`);
    const message = `An image does not exist locally with the tag: ${missing}`;
    assert.equal(pushed.status, 200);
    assert.deepEqual(pushed.lines(), [
      { status: `The push refers to repository [${missing}]` },
      { errorDetail: { message }, error: message },
    ]);
    assert.deepEqual(fixture.warnings, []);
  },
);

for (const kind of ["basic", "token"] as const) {
  test(
    `B177 login, and credentials of one call, at a registry with ${kind} authentication`,
    { skip },
    async () => {
      await using registry = await serveRegistry({
        storage: "memory",
        auth: { kind, users: { bob: "sec?et>" } },
      });
      await using fixture = await daemonFixture();
      const login = (password: string) =>
        fixture.post("/auth", { body: { username: "bob", password, serveraddress: registry.address } });
      const odd = await fixture.post("/auth", { body: { username: 5 } });
      const message = "json: cannot unmarshal number into Go struct field AuthConfig.username of type string";
      assert.deepEqual([odd.status, odd.json()], [400, { message }]);
      const good = await login("sec?et>");
      assert.deepEqual([good.status, good.json()["Status"]], [200, "Login Succeeded"]);
      assert.equal(good.json()["IdentityToken"] !== "", kind === "token");
      const bad = await login("other");
      // Docker hands on what a token server says of itself.
      assert.equal(bad.status, kind === "token" ? 401 : 500);
      assert.match(String(bad.json()["message"]), /401 Unauthorized$|unauthorized/);

      const repository = `${registry.address}/private/a`;
      await makeImage(fixture, { names: [`${repository}:1`], files: { f: "x" } });
      const push = async (headers?: Record<string, string>) =>
        (await fixture.post(`/images/${repository}/push?tag=1`, headers && { headers })).lines().at(-1) ?? {};
      const refused = kind === "basic" ? /^no basic auth credentials$/ : /unauthorized|denied/;
      assert.match(String((await push())["error"]), refused);
      assert.ok("aux" in (await push(auth(bob))));
      assert.match(String((await push())["error"]), /no basic auth credentials|unauthorized|denied/);
      assert.match(String((await push(auth({ ...bob, password: "x" })))["error"]), /unauthorized|denied/);

      await fixture.ask(`/images/${repository}:1`, { method: "DELETE" });
      const pull = (headers: Record<string, string>) =>
        fixture.post(`/images/create?fromImage=${repository}&tag=1`, { headers });
      // Neither 401, at which the docker command would ask for a password, nor 403.
      assert.ok([404, 500].includes((await pull({})).status));
      assert.ok([404, 500].includes((await pull({ "X-Registry-Auth": "rubbish" })).status));
      assert.equal((await pull(auth(bob))).status, 200);
      const identity = good.json()["IdentityToken"];
      if (identity !== "") assert.equal((await pull(auth({ identitytoken: identity }))).status, 200);
      const describe = (headers: Record<string, string>) =>
        fixture.ask(`/distribution/${repository}:1/json`, { headers });
      assert.equal((await describe(auth(bob))).status, 200);
      assert.notEqual((await describe({})).status, 200);
      assert.ok(!fixture.warnings.join().includes("sec?et>"));
    },
  );
}

test("B179 a pull ends with its client, and nothing stays", { skip }, async () => {
  const stalled = Promise.withResolvers<void>();
  await using registry = await serveRegistry({
    storage: "memory",
    faults: ({ method, path }) => {
      if (method !== "GET" || !path.includes("/blobs/") || isConfig(path)) return undefined;
      stalled.resolve();
      return { kind: "stall", afterBytes: 10 };
    },
  });
  await using publisher = await daemonFixture();
  await using user = await daemonFixture();
  const name = `${registry.address}/a:1`;
  const image = await makeImage(publisher, { names: [name], files: { f: "x".repeat(1000) } });
  const isConfig = (path: string): boolean => path.endsWith(image.id);
  await publisher.engine.images.push(name, { signal: new AbortController().signal });
  const leaving = new AbortController();
  const pull = user.post(`/images/create?fromImage=${name}`, { signal: leaving.signal });
  await stalled.promise;
  assert.equal(entries(user, "sessions").length, 1);
  leaving.abort();
  await assert.rejects(pull);
  while (entries(user, "sessions").length > 0) await immediate();
  assert.deepEqual((await user.ask("/images/json")).json(), []);
  assert.deepEqual(user.warnings, []);
});

const immediate = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
/** Of the data root's own folder; before its first use there is none. */
const entries = ({ root }: DaemonFixture, folder: string): string[] =>
  existsSync(join(root, "varve", folder)) ? readdirSync(join(root, "varve", folder)) : [];

test("B179 import: a body or a URL becomes an image", { skip }, async () => {
  await using fixture = await daemonFixture();
  const { tar } = await sampleLayer({ f: "x" });
  const change = `changes=${encodeURIComponent('CMD ["a","b"]')}`;
  const answer = await fixture.post(
    `/images/create?fromSrc=-&repo=imp&tag=2&${change}&platform=linux/arm64`,
    { body: tar },
  );
  const [line] = answer.lines();
  assert.equal(answer.lines().length, 1);
  const image = await fixture.engine.images.inspect("imp:2");
  assert.deepEqual(
    [line, image.Comment, image.Config?.Cmd, image.Architecture],
    [{ status: image.Id }, "Imported from -", ["a", "b"], "arm64"],
  );
  assert.deepEqual(fixture.events(), [`image tag ${image.Id}`, `image import ${image.Id}`]);
  const server = createServer(({ url }, response) => {
    response.statusCode = url === "/x.tar" ? 200 : 404;
    response.end(tar);
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  const host = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  const url = `${host}/x.tar`;
  const fetched = await fixture.post(`/images/create?fromSrc=${url}&message=hi`);
  assert.equal((await fixture.post(`/images/create?fromSrc=${host}/gone.tar`)).status, 404);
  server.close();
  assert.equal(fetched.lines()[0]?.["status"], `Downloading from http://${url}`);
  assert.equal((await fixture.engine.images.inspect(String(fetched.lines()[1]?.["status"]))).Comment, "hi");
  const refused = await fixture.post("/images/create?fromSrc=-&repo=bad", { body: "no tar" });
  assert.equal(refused.status, 500);
  assert.equal(
    (await fixture.post(`/images/create?fromSrc=-&repo=a@sha256:${"0".repeat(64)}`, { body: tar })).status,
    400,
  );
});

test("B179 save and load", { skip }, async () => {
  await using fixture = await daemonFixture();
  await using other = await daemonFixture();
  const image = await makeImage(fixture, { names: ["a:1"], files: { f: "x" } });
  const second = await makeImage(fixture, { names: ["b/c:1"], files: { g: "x" } });
  const saved = await fixture.ask("/images/get?names=a:1&names=b/c:1");
  assert.equal(saved.headers["content-type"], "application/x-tar");
  assert.deepEqual(fixture.events(), [`image save ${image.id}`, `image save ${second.id}`]);
  const loaded = await other.post("/images/load?quiet=0", { body: saved.bytes });
  const streams = loaded.lines().filter((line) => "stream" in line);
  assert.deepEqual(streams, [{ stream: "Loaded image: a:1\n" }, { stream: "Loaded image: b/c:1\n" }]);
  const [first] = loaded.lines();
  assert.deepEqual(
    [first?.["status"], first?.["id"]],
    ["Loading layer", image.config.rootfs.diff_ids?.[0]?.slice(7, 19)],
  );
  const again = await other.post("/images/load", { body: (await fixture.ask("/images/b/c:1/get")).bytes });
  assert.deepEqual(again.lines(), [{ stream: "Loaded image: b/c:1\n" }]);
  const byId = await fixture.ask(`/images/${image.id}/get`);
  assert.deepEqual((await other.post("/images/load", { body: byId.bytes })).lines(), [
    { stream: `Loaded image ID: ${image.id}\n` },
  ]);
  await makeImage(other, { names: ["a:1"], files: { own: "x" } });
  const [renamed] = (await other.post("/images/load", { body: saved.bytes })).lines();
  assert.match(
    String(renamed?.["stream"]),
    /^The image a:1 already exists, renaming the old one with ID sha256:\w+ to empty string\n$/,
  );
  const bad = await other.post("/images/load", { body: "no archive" });
  assert.deepEqual([bad.status, Object.keys(bad.lines()[0] ?? {})], [200, ["errorDetail", "error"]]);
  const missing = await fixture.ask("/images/get?names=a:1&names=nope");
  assert.deepEqual([missing.status, missing.json()], [404, { message: "No such image: nope" }]);
  assert.deepEqual(fixture.warnings, []);
});

test("B179 clients that go away while they send leave nothing", { skip }, async () => {
  await using fixture = await daemonFixture();
  const { tar } = await sampleLayer({ f: "x".repeat(100_000) });
  for (const path of ["/images/load?quiet=0", "/images/create?fromSrc=-&repo=a", "/build?t=a"]) {
    const client = connect(fixture.socket);
    const length = `Content-Length: ${tar.length}`;
    client.write(`POST ${path} HTTP/1.1\r\nHost: d\r\nExpect: 100-continue\r\n${length}\r\n\r\n`);
    // The daemon has begun to read.
    await once(client, "data");
    await new Promise((resolve) => client.write(tar.subarray(0, 50_000), resolve));
    client.destroy();
  }
  while (entries(fixture, "sessions").length > 0 || entries(fixture, "tmp").length > 0) await immediate();
  assert.deepEqual((await fixture.ask("/images/json")).json(), []);
  assert.deepEqual(fixture.warnings, []);
});

test("B179 search asks the registry of the term", { skip }, async () => {
  await using fixture = await daemonFixture();
  const asked: (string | undefined)[] = [];
  const rows = [
    { name: "a/x", description: "an x", star_count: 7, is_official: true, is_automated: false, more: 1 },
    { name: "b/x", star_count: "no" },
  ];
  const server = createServer(({ url }, response) => {
    asked.push(url);
    response.end(JSON.stringify({ results: rows }));
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  const host = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  const first = { name: "a/x", description: "an x", star_count: 7, is_official: true, is_automated: false };
  const second = { name: "b/x", description: "", star_count: 0, is_official: false, is_automated: false };
  const search = (query: string) => fixture.ask(`/images/search?${query}`);
  assert.deepEqual((await search(`term=${host}/a%20b&limit=3`)).json(), [first, second]);
  assert.deepEqual(asked, ["/v2/", "/v1/search?q=a+b&n=3"]);
  const onlyStars = `filters=${encodeURIComponent('{"stars":["3"],"is-official":["true"]}')}`;
  assert.deepEqual((await search(`term=${host}/a&${onlyStars}`)).json(), [first]);
  server.closeAllConnections();
  server.close();
  await once(server, "close");
  const offline = await search(`term=${host}/a`);
  assert.deepEqual(
    [offline.status, String(offline.json()["message"]).endsWith("connection refused")],
    [500, true],
  );
  for (const [query, message] of [
    ["term=a&limit=200", "limit 200 is outside the range of [1, 100]"],
    ["term=a&filters=%7B%22foo%22%3A%5B%22x%22%5D%7D", "invalid filter 'foo'"],
    ["term=a&filters=%7B%22stars%22%3A%5B%22x%22%5D%7D", "invalid filter 'stars=x'"],
    ["term=a&filters=%7B%22is-official%22%3A%5B%22x%22%5D%7D", "invalid filter 'is-official=[x]'"],
    ["term=http://a/b", "invalid repository name: repository name (http://a/b) should not have a scheme"],
    ["term=a..@b.c/d", "invalid index name (a..@b.c)"],
  ] as const) {
    const answer = await search(query);
    assert.deepEqual([answer.status, answer.json()], [400, { message }]);
  }
});
