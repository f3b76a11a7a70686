import assert from "node:assert/strict";
import { test } from "node:test";
import { inspect } from "node:util";
import { serveRegistry, type RegistryAuth } from "../../registry/index.ts";
import { FakeClock, failure, log, seed, signal, testImage, testRemote } from "../testing.test.ts";
import type { Credentials } from "./credentials.ts";

const image = testImage(["one"]);
const jo: Credentials = { kind: "password", username: "jo", password: "correct-horse" };

/** A registry whose images may be pulled by jo, and those below public/ by everybody. */
async function serveGuarded(auth: Partial<RegistryAuth> = {}) {
  const allow: RegistryAuth["allow"] = (user, name, action) =>
    (user === "jo" && !name.startsWith("private/")) ||
    (name.startsWith("public/") && action === "pull") ||
    seeding;
  let seeding = true;
  const guarded: RegistryAuth = { kind: "token", users: { jo: "correct-horse" }, allow, ...auth };
  const registry = await serveRegistry({ storage: "memory", auth: guarded });
  using remote = testRemote({ credentials: { [registry.address]: jo } });
  for (const name of ["a/b", "public/c", "private/d"]) {
    await remote.push(image, `${registry.address}/${name}:1`, { signal });
  }
  seeding = false;
  registry.requests.length = 0;
  return registry;
}

test("B170 first without token, then one token for the scope, kept for what follows", async () => {
  await using registry = await serveGuarded();
  using remote = testRemote({ credentials: { [registry.address]: jo } });
  const view = await remote.resolve(`${registry.address}/a/b:1`, { signal });
  await view.readConfig({ signal });
  const { digest } = image.manifest.descriptor;
  assert.deepEqual(
    registry.requests.map(({ method, path, authorization, status }) => [method, path, authorization, status]),
    [
      ["GET", "/v2/", undefined, 401],
      ["GET", "/token", "Basic", 200],
      ["HEAD", "/v2/a/b/manifests/1", "Bearer", 200],
      ["GET", `/v2/a/b/manifests/${digest}`, "Bearer", 200],
      ["GET", `/v2/a/b/blobs/${image.imageId}`, "Bearer", 200],
    ],
  );
  assert.equal(registry.requests[1]?.query, "?account=jo&scope=repository%3Aa%2Fb%3Apull&service=varve");
});

test("B170 a push asks for push and pull, a mount also for pull on its source", async () => {
  await using registry = await serveGuarded();
  using remote = testRemote({ credentials: { [registry.address]: jo } });
  const view = await remote.resolve(`${registry.address}/a/b:1`, { signal });
  registry.requests.length = 0;
  await remote.push(view, `${registry.address}/new:1`, { signal });
  const scopes = registry.requests
    .filter(({ path }) => path === "/token")
    .map(({ query }) => new URLSearchParams(query).getAll("scope"));
  assert.deepEqual(scopes, [
    ["repository:new:push,pull"],
    ["repository:new:push,pull", "repository:a/b:pull"],
  ]);
});

test("anonymous users get a token too; where it does not suffice, Docker's words", async () => {
  await using registry = await serveGuarded();
  using remote = testRemote();
  assert.equal((await remote.resolve(`${registry.address}/public/c:1`, { signal })).imageId, image.imageId);
  const name = `${registry.address}/private/d`;
  const denied = "denied: requested access to the resource is denied";
  await assert.rejects(
    remote.resolve(`${name}:1`, { signal }),
    failure(
      "denied",
      `pull access denied for ${name}, repository does not exist or may require 'docker login': ${denied}`,
    ),
  );
  await assert.rejects(remote.push(image, `${name}:1`, { signal }), failure("denied", denied));
});

test("a token that ran out is replaced before it is refused", async () => {
  const clock = new FakeClock();
  await using registry = await serveGuarded({ tokenSeconds: 100, now: () => clock.now() });
  using remote = testRemote({ clock, credentials: { [registry.address]: jo } });
  const view = await remote.resolve(`${registry.address}/a/b:1`, { signal });
  registry.requests.length = 0;
  clock.time += 89_000;
  await view.readConfig({ signal });
  assert.deepEqual(log(registry, { [image.imageId]: "CONFIG" }), ["GET /v2/a/b/blobs/CONFIG"]);
  registry.requests.length = 0;
  clock.time += 2_000;
  await view.readConfig({ signal });
  assert.deepEqual(log(registry, { [image.imageId]: "CONFIG" }), ["GET /token", "GET /v2/a/b/blobs/CONFIG"]);
});

test("a token that the registry no longer takes is replaced", async () => {
  const [ours, theirs] = [new FakeClock(), new FakeClock()];
  await using registry = await serveGuarded({ tokenSeconds: 100, now: () => theirs.now() });
  using remote = testRemote({ clock: ours, credentials: { [registry.address]: jo } });
  const view = await remote.resolve(`${registry.address}/a/b:1`, { signal });
  registry.requests.length = 0;
  theirs.time += 1_000_000;
  await view.readConfig({ signal });
  assert.deepEqual(
    registry.requests.map(({ path, status }) => [path.split("/")[1], status]),
    [
      ["v2", 401],
      ["token", 200],
      ["v2", 200],
    ],
  );
});

test("parallel requests share one token", async () => {
  await using registry = await serveGuarded();
  using remote = testRemote({ credentials: { [registry.address]: jo } });
  await Promise.all(Array.from({ length: 5 }, () => remote.head(`${registry.address}/a/b:1`, { signal })));
  assert.equal(registry.requests.filter(({ path }) => path === "/token").length, 1);
});

test("login gives a refresh token, which then works instead of the password", async () => {
  await using registry = await serveGuarded();
  using remote = testRemote();
  const kept = await remote.login(registry.address, jo, { signal });
  assert.ok(kept.kind === "identity" && kept.username === "jo" && kept.token.length > 10);
  assert.equal(registry.requests[1]?.query, "?account=jo&client_id=docker&offline_token=true&service=varve");
  registry.requests.length = 0;
  using second = testRemote({ credentials: { [registry.address]: kept } });
  await second.head(`${registry.address}/a/b:1`, { signal });
  assert.deepEqual(log(registry), ["GET /v2/", "POST /token", "HEAD /v2/a/b/manifests/1"]);
});

test("wrong credentials are refused in Docker's words, and never shown", async () => {
  const wrong: Credentials = { kind: "password", username: "jo", password: "hunter2-hunter2" };
  const encoded = Buffer.from("jo:hunter2-hunter2").toString("base64");
  for (const kind of ["token", "basic"] as const) {
    await using registry = await serveRegistry({
      storage: "memory",
      auth: { kind, users: { jo: "correct-horse" } },
    });
    const url = `http://${registry.address}/v2/`;
    const text =
      kind === "token"
        ? `Get "${url}": unauthorized: authentication required`
        : `login attempt to ${url} failed with status: 401 Unauthorized`;
    using remote = testRemote({ credentials: { [registry.address]: wrong } });
    await assert.rejects(remote.login(registry.address, wrong, { signal }), failure("unauthorized", text));
    const error: unknown = await remote.head(`${registry.address}/a`, { signal }).catch((e: unknown) => e);
    failure("unauthorized", "unauthorized: authentication required")(error);
    const shown = inspect(error, { depth: 9, showHidden: true });
    assert.ok(!shown.includes("hunter2") && !shown.includes(encoded), shown);
    assert.equal(
      await remote.login(registry.address, jo, { signal }).then(({ kind: k }) => k),
      kind === "token" ? "identity" : "password",
    );
  }
});

test("B171 basic authentication: with credentials it works, without it says what is missing", async () => {
  await using registry = await serveRegistry({
    storage: "memory",
    auth: { kind: "basic", users: { jo: "correct-horse" } },
  });
  using remote = testRemote({ credentials: { [registry.address]: jo } });
  await remote.push(image, `${registry.address}/a:1`, { signal });
  assert.equal((await remote.resolve(`${registry.address}/a:1`, { signal })).imageId, image.imageId);
  using anonymous = testRemote();
  await assert.rejects(
    anonymous.resolve(`${registry.address}/a:1`, { signal }),
    failure("unauthorized", `Head "http://${registry.address}/v2/a/manifests/1": no basic auth credentials`),
  );
});

test("a registry token is sent as it is", async () => {
  await using registry = await serveRegistry({ storage: "memory" });
  const challenge = { "WWW-Authenticate": 'Bearer realm="http://127.0.0.1:1/token"' };
  await using guarded = await serveRegistry({
    storage: "memory",
    faults: ({ index }) => (index === 0 ? { kind: "answer", status: 401, headers: challenge } : undefined),
  });
  await seed(registry, "a", image);
  using remote = testRemote({ credentials: { [guarded.address]: { kind: "registry", token: "T" } } });
  await assert.rejects(remote.head(`${guarded.address}/a:1`, { signal }), failure("not-found", /not found/));
  assert.equal(guarded.requests[1]?.authorization, "Bearer");
});

const realms: readonly [string, ReturnType<typeof failure>][] = [
  [
    "http://token.example/token",
    failure("denied", "send credentials to http://token.example: the token server has no TLS"),
  ],
  ["nonsense", failure("unavailable", "the registry asks for a token, but its realm is no URL")],
  ["file:///etc/passwd", failure("unavailable", "the registry asks for a token, but its realm is no URL")],
];
for (const [realm, expected] of realms) {
  test(`credentials do not go to ${realm}`, async () => {
    await using registry = await serveRegistry({
      storage: "memory",
      faults: () => ({
        kind: "answer",
        status: 401,
        headers: { "WWW-Authenticate": `Bearer realm="${realm}"` },
      }),
    });
    using remote = testRemote({ credentials: { [registry.address]: jo } });
    await assert.rejects(remote.head(`${registry.address}/a`, { signal }), expected);
  });
}

const tokenAnswers: readonly [string, RegExp][] = [
  ["<html>", /the token server's answer is not JSON$/],
  ["{}", /authorization server did not include a token in the response$/],
  ['{"token":"a\\r\\nX-Evil: 1"}', /authorization server did not include a token in the response$/],
];
for (const [body, message] of tokenAnswers) {
  test(`a token server that answers ${body} is refused`, async () => {
    const auth = { kind: "token", users: {} } as const;
    await using registry = await serveRegistry({
      storage: "memory",
      auth,
      faults: ({ path }) => (path.startsWith("/token") ? { kind: "answer", status: 200, body } : undefined),
    });
    using remote = testRemote();
    await assert.rejects(remote.head(`${registry.address}/a`, { signal }), failure("unavailable", message));
  });
}
