import assert from "node:assert/strict";
import { test } from "node:test";
import {
  manifestOf,
  pushBlob,
  pushSmallImage,
  putManifest,
  refusal,
  serveOn,
  startUpload,
} from "../../test/suites/registry_requests.ts";
import { digestOf } from "../oci/index.ts";
import type { AccessController, Scope } from "./access/types.ts";
import type { RegistryEvent, RegistryPolicy, UploadIntent } from "./hooks.ts";
import { RegistryError } from "./registry_error.ts";
import { memoryStorage } from "./storage/memory.ts";

const denied = () => new RegistryError("DENIED", ["over the limit"]);

test("each thing done is told once, with who, what and how large; what was refused is not told", async () => {
  const events: RegistryEvent[] = [];
  const hooks = { onEvent: (event: RegistryEvent) => void events.push(event) };
  await using registry = await serveOn({ storage: memoryStorage(), hooks });
  const { origin } = registry;
  const digest = await pushSmallImage(origin, "a", "t");
  await fetch(`${origin}/v2/b/blobs/uploads/?mount=${digestOf("{}")}&from=a`, { method: "POST" });
  await fetch(`${origin}/v2/a/manifests/t`, { method: "HEAD" });
  await (
    await fetch(`${origin}/v2/a/manifests/t`, {
      headers: { "X-Request-Id": "mine-1", "User-Agent": "tester/1" },
    })
  ).text();
  await (await fetch(`${origin}/v2/a/blobs/${digestOf("{}")}`)).text();
  await (await fetch(`${origin}/v2/a/blobs/${digestOf("{}")}`, { headers: { Range: "bytes=0-0" } })).text();
  await refusal(fetch(`${origin}/v2/a/manifests/none`, { method: "DELETE" }));
  await fetch(`${origin}/v2/a/manifests/${digest}`, { method: "DELETE" });
  await fetch(`${origin}/v2/a/blobs/${digestOf("{}")}`, { method: "DELETE" });
  const told = events.map((event) => [
    event.action,
    event.kind,
    event.repository,
    event.digest,
    event.size ?? "tag" in event,
  ]);
  const size = manifestOf(digestOf("{}")).length;
  assert.deepEqual(told, [
    ["push", "blob", "a", digestOf("{}"), 2],
    ["push", "manifest", "a", digest, size],
    ["mount", "blob", "b", digestOf("{}"), 2],
    ["pull", "manifest", "a", digest, size],
    ["pull", "blob", "a", digestOf("{}"), 2],
    ["delete", "tag", "a", digest, true],
    ["delete", "manifest", "a", digest, false],
    ["delete", "blob", "a", digestOf("{}"), false],
  ]);
  const pull = events[3];
  assert.deepEqual(
    [pull?.requestId, pull?.userAgent, pull?.remoteAddress, pull?.method],
    ["mine-1", "tester/1", "127.0.0.1", "GET"],
  );
  assert.equal(`http://${pull?.host}`, origin);
});

test("B172 a push that the policy refuses leaves nothing: before it begins, by its length, and as it grows", async () => {
  const storage = memoryStorage();
  const intents: UploadIntent[] = [];
  const ended: string[] = [];
  const policy: RegistryPolicy = {
    beforeUpload: async (intent) => {
      intents.push(intent);
      if (intent.repository === "full" || intent.offset + (intent.size ?? 0) > 10) throw denied();
      return { maxBytes: 10 };
    },
    uploadEnded: async (uploadId) => void ended.push(uploadId),
  };
  await using registry = await serveOn({ storage, policy });
  const { origin } = registry;
  assert.deepEqual(await refusal(fetch(`${origin}/v2/full/blobs/uploads/`, { method: "POST" })), [
    403,
    "DENIED",
  ]);
  const announced = await startUpload(origin, "x");
  assert.deepEqual(await refusal(fetch(announced, { method: "PATCH", body: "01234567890" })), [
    403,
    "DENIED",
  ]);
  const growing = await startUpload(origin, "x");
  const body = new Blob(["0123456789", "0"]).stream();
  const streamed = { method: "PATCH", body, duplex: "half" } as RequestInit;
  assert.deepEqual(await refusal(fetch(growing, streamed)), [403, "DENIED"]);
  for (const url of [announced, growing])
    assert.deepEqual(await refusal(fetch(url)), [404, "BLOB_UPLOAD_UNKNOWN"]);
  const whole = `${origin}/v2/x/blobs/uploads/?digest=${digestOf("01234567890")}`;
  assert.deepEqual(await refusal(fetch(whole, { method: "POST", body: "01234567890" })), [403, "DENIED"]);
  assert.deepEqual(await Array.fromAsync(storage.list("")), []);
  await pushBlob(origin, "x", "0123456789");
  const begun = intents.filter(({ repository, size }) => repository === "x" && size !== undefined);
  assert.deepEqual(new Set(ended), new Set([...begun.map(({ uploadId }) => uploadId), growing.slice(-36)]));
});

test("B172 a blob, a manifest, a deletion can be refused, and then did not happen", async () => {
  let refusing = false;
  const refuse = async () => {
    if (refusing) throw denied();
  };
  const policy: RegistryPolicy = { beforeBlob: refuse, beforeManifest: refuse, beforeDelete: refuse };
  await using registry = await serveOn({ storage: memoryStorage(), policy });
  const { origin } = registry;
  await pushSmallImage(origin, "x", "t");
  refusing = true;
  const bytes = manifestOf(digestOf("{}"), { artifactType: "a/b" });
  const url = await startUpload(origin, "x");
  const attempts = [
    fetch(`${url}?digest=${digestOf("new")}`, { method: "PUT", body: "new" }),
    fetch(`${origin}/v2/y/blobs/uploads/?mount=${digestOf("{}")}&from=x`, { method: "POST" }),
    putManifest(origin, "x", "t", bytes),
    fetch(`${origin}/v2/x/manifests/t`, { method: "DELETE" }),
    fetch(`${origin}/v2/x/blobs/${digestOf("{}")}`, { method: "DELETE" }),
  ];
  for (const attempt of attempts) assert.deepEqual(await refusal(attempt), [403, "DENIED"]);
  assert.equal((await fetch(`${origin}/v2/x/blobs/${digestOf("new")}`)).status, 404);
  assert.equal((await fetch(`${origin}/v2/y/blobs/${digestOf("{}")}`)).status, 404);
  assert.equal((await fetch(`${origin}/v2/x/manifests/${digestOf(bytes)}`)).status, 404);
  assert.equal(
    await (await fetch(`${origin}/v2/x/manifests/t`)).text(),
    manifestOf(digestOf("{}")).toString(),
  );
});

// Method, path, scopes asked of the controller.
const scopes: readonly [string, string, string][] = [
  ["GET", "/v2/", ""],
  ["GET", "/v2/_catalog", "registry:catalog:*"],
  ["GET", "/v2/a/b/tags/list", "repository:a/b:pull"],
  ["HEAD", "/v2/a/b/manifests/t", "repository:a/b:pull"],
  ["PUT", "/v2/a/b/manifests/t", "repository:a/b:pull,push"],
  ["DELETE", "/v2/a/b/manifests/t", "repository:a/b:delete"],
  ["DELETE", `/v2/a/b/blobs/${digestOf("x")}`, "repository:a/b:delete"],
  ["POST", "/v2/a/b/blobs/uploads/", "repository:a/b:pull,push"],
  [
    "POST",
    `/v2/a/b/blobs/uploads/?mount=${digestOf("x")}&from=c/d`,
    "repository:a/b:pull,push repository:c/d:pull",
  ],
  ["DELETE", "/v2/a/b/blobs/uploads/00000000-0000-0000-0000-000000000000", "repository:a/b:pull,push"],
  ["GET", `/v2/a/b/referrers/${digestOf("x")}`, "repository:a/b:pull"],
  ["GET", "/v2/Bad/tags/list", ""],
];
test("B170 what is asked of the access controller for each request", async () => {
  let asked: readonly Scope[] = [];
  const access: AccessController = {
    authorize: async ({ needed }) => {
      asked = needed;
      throw new RegistryError("UNAUTHORIZED");
    },
  };
  await using registry = await serveOn({ storage: memoryStorage(), access });
  for (const [method, path, expected] of scopes) {
    assert.equal((await fetch(`${registry.origin}${path}`, { method })).status, 401, path);
    assert.equal(
      asked.map(({ type, name, actions }) => `${type}:${name}:${actions.join()}`).join(" "),
      expected,
      `${method} ${path}`,
    );
  }
});

test("B164 a blob that the client may not pull elsewhere is not mounted, but may be uploaded", async () => {
  const access: AccessController = {
    authorize: async ({ needed, request }) => {
      const user = request.headers.authorization;
      if (user !== "root" && needed.some(({ name }) => name === "secret")) throw new RegistryError("DENIED");
      return { user, groups: [] };
    },
  };
  await using registry = await serveOn({ storage: memoryStorage(), access });
  const { origin } = registry;
  const push = `${origin}/v2/secret/blobs/uploads/?digest=${digestOf("s")}`;
  assert.equal(
    (await fetch(push, { method: "POST", body: "s", headers: { Authorization: "root" } })).status,
    201,
  );
  const mount = (query: string, user: string) =>
    fetch(`${origin}/v2/open/blobs/uploads/?mount=${digestOf("s")}${query}`, {
      method: "POST",
      headers: { Authorization: user },
    });
  assert.equal((await mount("", "jo")).status, 202);
  assert.equal((await mount("&from=secret", "jo")).status, 202);
  assert.equal((await mount("", "root")).status, 201);
});

test("Locations: as the client addressed us, through a proxy, fixed, or relative", async () => {
  const start = async (options: object, headers: Record<string, string>) => {
    await using registry = await serveOn({ storage: memoryStorage(), ...options });
    const answer = await fetch(`${registry.origin}/v2/x/blobs/uploads/`, { method: "POST", headers });
    return (answer.headers.get("location") as string).replace(registry.origin, "ORIGIN").slice(0, -36);
  };
  const proxied = { "X-Forwarded-Proto": "https", "X-Forwarded-Host": "registry.example" };
  assert.equal(await start({}, {}), "ORIGIN/v2/x/blobs/uploads/");
  assert.equal(await start({}, proxied), "https://registry.example/v2/x/blobs/uploads/");
  assert.equal(
    await start({ origin: "https://fixed.example" }, proxied),
    "https://fixed.example/v2/x/blobs/uploads/",
  );
  assert.equal(await start({ relativeUrls: true }, proxied), "/v2/x/blobs/uploads/");
});

test("B164 a storage that gives URLs is where blobs are fetched, unless that is switched off", async () => {
  const storage = memoryStorage();
  storage.redirectUrl = async (path, { method }) => `https://store.example/${path}?${method}`;
  await using registry = await serveOn({ storage });
  await using direct = await serveOn({ storage, redirect: false });
  const digest = await pushBlob(registry.origin, "x", "far");
  const init = { redirect: "manual" } as const;
  const moved = await fetch(`${registry.origin}/v2/x/blobs/${digest}`, init);
  assert.equal(moved.status, 307);
  assert.match(
    moved.headers.get("location") ?? "",
    /^https:\/\/store\.example\/docker\/registry\/v2\/blobs\/sha256\/.*\?GET$/,
  );
  assert.equal(
    (await fetch(`${registry.origin}/v2/x/blobs/${digest}`, { ...init, method: "HEAD" })).status,
    200,
  );
  for (const { origin } of [registry, direct]) {
    const none = { ...init, headers: { Range: "bytes=2-1" } };
    assert.equal((await fetch(`${origin}/v2/x/blobs/${digest}`, none)).status, 416);
  }
  assert.equal(await (await fetch(`${direct.origin}/v2/x/blobs/${digest}`, init)).text(), "far");
});
