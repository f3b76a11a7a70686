import assert from "node:assert/strict";
import { mkdtemp, readdir, readFile, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { digestOf, mediaTypes } from "../oci/index.ts";
import { serveRegistry } from "./serve_registry.ts";

const directory = await mkdtemp(join(tmpdir(), "varve-registry-"));
after(() => rm(directory, { recursive: true }));

const blob = Buffer.from("0123456789");
const config = Buffer.from("{}");
const manifest = Buffer.from(
  JSON.stringify({
    schemaVersion: 2,
    mediaType: mediaTypes.dockerManifest,
    config: { mediaType: mediaTypes.dockerConfig, size: 2, digest: digestOf(config) },
    layers: [{ mediaType: mediaTypes.dockerLayerGzip, size: 10, digest: digestOf(blob) }],
  }),
);

/** Uploads in one request. */
async function putBlob(base: string, name: string, bytes: Buffer): Promise<Response> {
  const url = `${base}/v2/${name}/blobs/uploads/?digest=${digestOf(bytes)}`;
  return fetch(url, { method: "POST", body: new Uint8Array(bytes) });
}
async function pushImage(base: string, name: string): Promise<void> {
  for (const bytes of [blob, config]) assert.equal((await putBlob(base, name, bytes)).status, 201);
  const answer = await fetch(`${base}/v2/${name}/manifests/v1`, { method: "PUT", body: manifest });
  assert.equal(answer.status, 201);
}
async function codes(response: Response): Promise<unknown> {
  const body = (await response.json()) as { errors: { code: string }[] };
  return [response.status, ...body.errors.map((error) => error.code)];
}

test("B158 B159 B160 a push makes distribution's tree: links of 71 bytes, equal blobs once", async () => {
  await using registry = await serveRegistry({ storage: directory });
  const base = `http://${registry.address}`;
  await pushImage(base, "a/b");
  await pushImage(base, "c");
  const root = join(directory, "docker/registry/v2");
  const files = (await readdir(root, { recursive: true, withFileTypes: true }))
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(root.length + 1));
  const [b, c, m] = [blob, config, manifest].map((bytes) => digestOf(bytes).slice("sha256:".length)) as [
    string,
    string,
    string,
  ];
  const expected = [b, c, m].map((hex) => `blobs/sha256/${hex.slice(0, 2)}/${hex}/data`);
  for (const name of ["a/b", "c"]) {
    const at = `repositories/${name}`;
    expected.push(`${at}/_layers/sha256/${b}/link`, `${at}/_layers/sha256/${c}/link`);
    expected.push(`${at}/_manifests/revisions/sha256/${m}/link`, `${at}/_manifests/tags/v1/current/link`);
    expected.push(`${at}/_manifests/tags/v1/index/sha256/${m}/link`);
  }
  assert.deepEqual(files.sort(), expected.sort());
  const link = join(root, "repositories/a/b/_manifests/tags/v1/current/link");
  assert.equal(await readFile(link, "latin1"), digestOf(manifest));
  assert.equal((await stat(link)).mode & 0o777, 0o644);
});

test("B162 an upload session: POST, PATCH, GET, PUT; a wrong offset is 416, an unknown session 404", async () => {
  await using registry = await serveRegistry({ storage: "memory" });
  const base = `http://${registry.address}`;
  const started = await fetch(`${base}/v2/x/blobs/uploads/`, { method: "POST" });
  assert.equal(started.status, 202);
  assert.equal(started.headers.get("range"), "0-0");
  const location = started.headers.get("location") as string;
  const patched = await fetch(location, { method: "PATCH", body: "01234" });
  assert.deepEqual([patched.status, patched.headers.get("range")], [202, "0-4"]);
  const astray = { method: "PATCH", body: "x", headers: { "Content-Range": "3-3" } };
  assert.deepEqual(await codes(await fetch(location, astray)), [416, "RANGE_INVALID"]);
  const status = await fetch(location);
  assert.deepEqual([status.status, status.headers.get("range")], [204, "0-4"]);
  const done = await fetch(`${location}?digest=${digestOf(blob)}`, { method: "PUT", body: "56789" });
  assert.deepEqual([done.status, done.headers.get("docker-content-digest")], [201, digestOf(blob)]);
  assert.deepEqual(await codes(await fetch(location)), [404, "BLOB_UPLOAD_UNKNOWN"]);
});

test("B162 a wrong digest is refused and nothing is kept; DELETE ends a session", async () => {
  await using registry = await serveRegistry({ storage: "memory" });
  const base = `http://${registry.address}`;
  const wrong = `${base}/v2/x/blobs/uploads/?digest=${digestOf("other")}`;
  assert.deepEqual(await codes(await fetch(wrong, { method: "POST", body: "a" })), [400, "DIGEST_INVALID"]);
  const head = await fetch(`${base}/v2/x/blobs/${digestOf("a")}`, { method: "HEAD" });
  assert.equal(head.status, 404);
  const started = await fetch(`${base}/v2/x/blobs/uploads/`, { method: "POST" });
  const location = started.headers.get("location") as string;
  assert.equal((await fetch(location, { method: "DELETE" })).status, 204);
  assert.equal((await fetch(location, { method: "PATCH", body: "a" })).status, 404);
});

test("an upload goes on in a new server on the same directory, and its digest is still checked", async () => {
  let path: string;
  {
    await using registry = await serveRegistry({ storage: directory });
    const started = await fetch(`http://${registry.address}/v2/up/blobs/uploads/`, { method: "POST" });
    path = new URL(started.headers.get("location") as string).pathname;
    await fetch(`http://${registry.address}${path}`, { method: "PATCH", body: "re" });
  }
  await using registry = await serveRegistry({ storage: directory });
  const url = `http://${registry.address}${path}?digest=${digestOf("restart")}`;
  assert.equal((await fetch(url, { method: "PUT", body: "start" })).status, 201);
});

test("B164 ranges and cross-repository mount", async () => {
  await using registry = await serveRegistry({ storage: "memory" });
  const base = `http://${registry.address}`;
  await putBlob(base, "from", blob);
  const url = `${base}/v2/from/blobs/${digestOf(blob)}`;
  const part = await fetch(url, { headers: { Range: "bytes=2-4" } });
  assert.deepEqual(
    [part.status, part.headers.get("content-range"), await part.text()],
    [206, "bytes 2-4/10", "234"],
  );
  assert.equal((await fetch(url, { headers: { Range: "bytes=10-" } })).status, 416);
  const mount = (from: string) =>
    fetch(`${base}/v2/to/blobs/uploads/?mount=${digestOf(blob)}&from=${from}`, { method: "POST" });
  assert.equal((await mount("elsewhere")).status, 202);
  assert.equal((await mount("from")).status, 201);
  assert.equal(await (await fetch(`${base}/v2/to/blobs/${digestOf(blob)}`)).text(), "0123456789");
});

test("B128 a manifest that names absent blobs is refused, one error per digest", async () => {
  await using registry = await serveRegistry({ storage: "memory" });
  const url = `http://${registry.address}/v2/x/manifests/v1`;
  const put = () => fetch(url, { method: "PUT", body: manifest });
  const answer = await put();
  const body = (await answer.clone().json()) as { errors: { detail: unknown }[] };
  assert.deepEqual(await codes(answer), [400, "MANIFEST_BLOB_UNKNOWN", "MANIFEST_BLOB_UNKNOWN"]);
  assert.deepEqual(
    body.errors.map((error) => error.detail),
    [{ digest: digestOf(config) }, { digest: digestOf(blob) }],
  );
  assert.deepEqual(await codes(await fetch(url)), [404, "MANIFEST_UNKNOWN"]);
});

test("B163 manifests are given back byte for byte, by tag and by digest; listings are sorted and paged", async () => {
  await using registry = await serveRegistry({ storage: "memory" });
  const base = `http://${registry.address}`;
  await pushImage(base, "p/q");
  await fetch(`${base}/v2/p/q/manifests/a`, { method: "PUT", body: manifest });
  for (const key of ["v1", digestOf(manifest)]) {
    const got = await fetch(`${base}/v2/p/q/manifests/${key}`);
    assert.deepEqual(Buffer.from(await got.arrayBuffer()), manifest);
    assert.equal(got.headers.get("content-type"), mediaTypes.dockerManifest);
    assert.equal(got.headers.get("docker-content-digest"), digestOf(manifest));
  }
  const head = await fetch(`${base}/v2/p/q/manifests/v1`, { method: "HEAD" });
  assert.equal(head.headers.get("content-length"), String(manifest.length));
  const page = await fetch(`${base}/v2/p/q/tags/list?n=1`);
  assert.equal(page.headers.get("link"), '</v2/p/q/tags/list?last=a&n=1>; rel="next"');
  assert.deepEqual(await page.json(), { name: "p/q", tags: ["a"] });
  assert.deepEqual(await (await fetch(`${base}/v2/_catalog`)).json(), { repositories: ["p/q"] });
  assert.deepEqual(await codes(await fetch(`${base}/v2/none/tags/list`)), [404, "NAME_UNKNOWN"]);
});

test("B166 bad names, digests, manifests and methods have their codes", async () => {
  await using registry = await serveRegistry({ storage: "memory" });
  const base = `http://${registry.address}/v2`;
  assert.deepEqual(await codes(await fetch(`${base}/Upper/tags/list`)), [400, "NAME_INVALID"]);
  assert.deepEqual(await codes(await fetch(`${base}/a/../../etc/manifests/x`)), [404, "NAME_UNKNOWN"]);
  assert.deepEqual(await codes(await fetch(`${base}/a%2F..%2Fb/manifests/x`)), [400, "NAME_INVALID"]);
  assert.deepEqual(await codes(await fetch(`${base}/a/blobs/sha256:zz`)), [400, "DIGEST_INVALID"]);
  assert.deepEqual(await codes(await fetch(`${base}/a/tags/list`, { method: "PUT" })), [405, "UNSUPPORTED"]);
  for (const body of ["", "[]", "null", '{"schemaVersion":1}', '{"schemaVersion":2,"layers":[{}]}']) {
    const answer = await fetch(`${base}/a/manifests/x`, { method: "PUT", body });
    assert.deepEqual(await codes(answer), [400, "MANIFEST_INVALID"], body);
  }
});

test("B170 token authentication: the challenge names the scope, a token opens exactly that", async () => {
  const auth = { kind: "token", users: { jo: "secret" } } as const;
  await using registry = await serveRegistry({ storage: "memory", auth });
  const base = `http://${registry.address}`;
  const url = `${base}/v2/a/b/blobs/uploads/?mount=${digestOf("x")}&from=c/d`;
  const refused = await fetch(url, { method: "POST" });
  assert.equal(
    refused.headers.get("www-authenticate"),
    `Bearer realm="${base}/token",service="varve",scope="repository:a/b:pull,push repository:c/d:pull"`,
  );
  assert.deepEqual(await codes(refused), [401, "UNAUTHORIZED"]);
  const basic = { Authorization: `Basic ${btoa("jo:secret")}` };
  const query = "service=varve&scope=repository:a/b:pull,push&scope=repository:c/d:pull";
  const { token } = (await (await fetch(`${base}/token?${query}`, { headers: basic })).json()) as {
    token: string;
  };
  const headers = { Authorization: `Bearer ${token}` };
  assert.equal((await fetch(url, { method: "POST", headers })).status, 202);
  const other = await fetch(`${base}/v2/other/tags/list`, { headers });
  assert.match(other.headers.get("www-authenticate") ?? "", /error="insufficient_scope"$/);
  const wrong = { Authorization: `Basic ${btoa("jo:wrong")}` };
  assert.equal((await fetch(`${base}/token?${query}`, { headers: wrong })).status, 401);
});

test("B171 basic authentication", async () => {
  await using registry = await serveRegistry({
    storage: "memory",
    auth: { kind: "basic", users: { jo: "a:b" } },
  });
  const url = `http://${registry.address}/v2/`;
  const refused = await fetch(url);
  assert.deepEqual([refused.status, refused.headers.get("www-authenticate")], [401, 'Basic realm="varve"']);
  const login = (pair: string) => fetch(url, { headers: { Authorization: `Basic ${btoa(pair)}` } });
  assert.equal((await login("jo:a:b")).status, 200);
  assert.equal((await login("jo:a")).status, 401);
  assert.equal((await login("__proto__:x")).status, 401);
  assert.deepEqual(
    registry.requests.map((record) => record.authorization),
    [undefined, "Basic", "Basic", "Basic"],
  );
});

test("faults: cut, flip, refused range, answers of one's own; and the log tells them", async () => {
  await using registry = await serveRegistry({
    storage: "memory",
    faults: ({ path, index }) => {
      if (!path.includes("/blobs/sha256")) return undefined;
      if (index === 1) return { kind: "cut", afterBytes: 4 };
      if (index === 2) return { kind: "flip", at: 3 };
      if (index === 3) return { kind: "ignore-range" };
      return { kind: "answer", status: 429, headers: { "Retry-After": "7" } };
    },
  });
  const base = `http://${registry.address}`;
  await putBlob(base, "x", blob);
  const url = `${base}/v2/x/blobs/${digestOf(blob)}`;
  await assert.rejects((await fetch(url)).text());
  assert.equal(await (await fetch(url)).text(), "012\xcc456789".replace("\xcc", "\ufffd"));
  assert.equal((await fetch(url, { headers: { Range: "bytes=5-" } })).status, 200);
  const limited = await fetch(url);
  assert.deepEqual([limited.status, limited.headers.get("retry-after")], [429, "7"]);
  assert.deepEqual(
    registry.requests.map(({ method, status, sent }) => [method, status, sent]),
    [
      ["POST", 201, 0],
      ["GET", 200, 4],
      ["GET", 200, 10],
      ["GET", 200, 10],
      ["GET", 429, 0],
    ],
  );
});
