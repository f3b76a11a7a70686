import assert from "node:assert/strict";
import { connect } from "node:net";
import { text } from "node:stream/consumers";
import { test } from "node:test";
import * as fc from "fast-check";
import { Failure } from "../errors.ts";
import { rawRequest, refusal, pushBlob, serveOn, startUpload } from "../../test/suites/registry_requests.ts";
import { digestOf } from "../oci/index.ts";
import { memoryStorage } from "./storage/memory.ts";
import type { StorageDriver } from "./storage/types.ts";
import { isRepositoryName } from "./tree.ts";

const digest = digestOf("x");
const longest = `${"a".repeat(127)}/${"b".repeat(127)}`;

// Method, path, status, code.
const table: readonly [string, string, number, string][] = [
  ["GET", "/", 404, "NAME_UNKNOWN"],
  ["GET", "/v2/a", 404, "NAME_UNKNOWN"],
  ["GET", "/v2/a/b/nothing", 404, "NAME_UNKNOWN"],
  ["GET", "/v3/a/tags/list", 404, "NAME_UNKNOWN"],
  ["GET", "/v2/Upper/tags/list", 400, "NAME_INVALID"],
  ["GET", "/v2/a/../b/tags/list", 400, "NAME_INVALID"],
  ["GET", "/v2/a/%2e%2e/b/tags/list", 400, "NAME_INVALID"],
  ["GET", "/v2/a%2F..%2Fb/tags/list", 400, "NAME_INVALID"],
  ["GET", "/v2//etc/tags/list", 400, "NAME_INVALID"],
  ["GET", "/v2/a%00b/tags/list", 400, "NAME_INVALID"],
  ["GET", "/v2/%ff/tags/list", 400, "NAME_INVALID"],
  ["GET", "/v2/_catalog/tags/list", 400, "NAME_INVALID"],
  ["GET", "/v2/a/_manifests/tags/list", 400, "NAME_INVALID"],
  ["GET", "/v2/__proto__/tags/list", 400, "NAME_INVALID"],
  ["GET", `/v2/${longest}/tags/list`, 404, "NAME_UNKNOWN"],
  ["GET", `/v2/${longest}b/tags/list`, 400, "NAME_INVALID"],
  ["GET", `/v2/${"a-".repeat(127)}/tags/list`, 400, "NAME_INVALID"],
  ["GET", "/v2/a/manifests/..", 404, "MANIFEST_UNKNOWN"],
  ["GET", "/v2/a/manifests/%2e%2e%2f%2e%2e", 404, "NAME_UNKNOWN"],
  ["GET", `/v2/a/manifests/${"t".repeat(129)}`, 404, "MANIFEST_UNKNOWN"],
  ["PUT", `/v2/a/manifests/${"t".repeat(129)}`, 400, "TAG_INVALID"],
  ["PUT", "/v2/a/manifests/.hidden", 400, "TAG_INVALID"],
  ["PUT", "/v2/a/manifests/sha256:xyz", 400, "DIGEST_INVALID"],
  ["DELETE", "/v2/a/manifests/t", 404, "MANIFEST_UNKNOWN"],
  ["POST", "/v2/a/manifests/t", 405, "UNSUPPORTED"],
  ["GET", "/v2/a/blobs/sha256:..", 400, "DIGEST_INVALID"],
  ["GET", "/v2/a/blobs/sha256:%2e%2e%2fx", 404, "NAME_UNKNOWN"],
  ["GET", `/v2/a/blobs/${digest.toUpperCase()}`, 400, "DIGEST_INVALID"],
  ["GET", "/v2/a/blobs/md5:d41d8cd98f00b204e9800998ecf8427e", 400, "DIGEST_INVALID"],
  ["GET", `/v2/a/blobs/${digest}`, 404, "BLOB_UNKNOWN"],
  ["DELETE", `/v2/a/blobs/${digest}`, 404, "BLOB_UNKNOWN"],
  ["PUT", `/v2/a/blobs/${digest}`, 405, "UNSUPPORTED"],
  ["GET", "/v2/a/blobs/uploads/", 405, "UNSUPPORTED"],
  ["PATCH", "/v2/a/blobs/uploads/..", 404, "BLOB_UPLOAD_UNKNOWN"],
  ["PATCH", "/v2/a/blobs/uploads/../../../x", 404, "NAME_UNKNOWN"],
  ["GET", "/v2/a/blobs/uploads/00000000-0000-0000-0000-000000000000", 404, "BLOB_UPLOAD_UNKNOWN"],
  ["GET", "/v2/a/referrers/latest", 400, "DIGEST_INVALID"],
  ["GET", "/v2/a/referrers/%2e%2e", 400, "DIGEST_INVALID"],
  ["GET", "/v2/a/manifests/%252e%252e", 404, "MANIFEST_UNKNOWN"],
  ["GET", "/v2/a/manifests/t%0d%0aX:y", 404, "MANIFEST_UNKNOWN"],
  ["PUT", "/v2/a/manifests/%2e%2e", 400, "TAG_INVALID"],
  ["PUT", "/v2/a/manifests/a%5cb", 400, "TAG_INVALID"],
  ["PUT", "/v2/a/manifests/t%00", 400, "TAG_INVALID"],
  ["PUT", "/v2/a/manifests/..%2f..%2fx", 404, "NAME_UNKNOWN"],
  ["DELETE", "/v2/a/manifests/%2e%2e", 404, "MANIFEST_UNKNOWN"],
  ["GET", "/v2/a/blobs/%2e%2e", 400, "DIGEST_INVALID"],
  ["GET", `/v2/a/blobs/${digest}%2f..`, 404, "NAME_UNKNOWN"],
  ["GET", `/v2/a/blobs/sha512:${"a".repeat(64)}`, 400, "DIGEST_INVALID"],
  ["DELETE", `/v2/a/blobs/sha256:${"0".repeat(63)}`, 400, "DIGEST_INVALID"],
  ["POST", "/v2/a/blobs/uploads/?digest=sha256:../../../x", 400, "DIGEST_INVALID"],
  ["PUT", `/v2/a/blobs/uploads/%2e%2e?digest=${digest}`, 404, "BLOB_UPLOAD_UNKNOWN"],
  ["PUT", `/v2/a/blobs/uploads/%2e%2e%2f%2e%2e?digest=${digest}`, 404, "NAME_UNKNOWN"],
  ["DELETE", "/v2/a/blobs/uploads/..%5c..", 404, "BLOB_UPLOAD_UNKNOWN"],
  ["GET", "/v2/_catalog?n=1e3", 400, "PAGINATION_NUMBER_INVALID"],
  ["GET", "//v2/a/tags/list", 404, "NAME_UNKNOWN"],
  ["GET", `/v2/${"a/".repeat(4000)}tags/list`, 400, "NAME_INVALID"],
  ["POST", "/v2/_catalog", 405, "UNSUPPORTED"],
];

test("B166 the table of refusals", async () => {
  await using registry = await serveOn({ storage: memoryStorage() });
  for (const [method, path, status, code] of table) {
    const answer = await rawRequest(registry.origin, method, path);
    const { errors } = JSON.parse(answer.body) as { errors: { code: string; message: string }[] };
    assert.deepEqual([answer.status, errors[0]?.code], [status, code], `${method} ${path}`);
    assert.equal(answer.headers["content-type"], "application/json; charset=utf-8");
    assert.notEqual(errors[0]?.message, "");
  }
});

test("B157 /v2/ answers {} and says which protocol it is", async () => {
  await using registry = await serveOn({ storage: memoryStorage() });
  const base = await fetch(`${registry.origin}/v2/`);
  assert.deepEqual([base.status, await base.text()], [200, "{}"]);
  assert.equal(base.headers.get("docker-distribution-api-version"), "registry/2.0");
});

test("a name of 255 bytes is kept and found, one of 256 is refused", async () => {
  await using registry = await serveOn({ storage: memoryStorage() });
  assert.equal(longest.length, 255);
  await pushBlob(registry.origin, longest, "x");
  assert.equal((await fetch(`${registry.origin}/v2/${longest}/blobs/${digest}`)).status, 200);
  const url = `${registry.origin}/v2/${longest}b/blobs/uploads/`;
  assert.deepEqual(await refusal(fetch(url, { method: "POST" })), [400, "NAME_INVALID"]);
});

test("whatever the path, the storage is asked for places within the tree only", async () => {
  const inside = /^docker\/registry\/v2\/(?:blobs|repositories)(?:\/[^/]+)*$/;
  const asked: string[] = [];
  const storage = memoryStorage();
  const note =
    <Rest extends unknown[], Result>(act: (path: string, ...rest: Rest) => Result) =>
    (path: string, ...rest: Rest): Result => {
      asked.push(path);
      return act.call(storage, path, ...rest);
    };
  const noting: StorageDriver = {
    name: "noting",
    read: note(storage.read),
    write: note(storage.write),
    writeNew: note(storage.writeNew),
    stat: note(storage.stat),
    open: note(storage.open),
    appendTo: note(storage.appendTo),
    list: note(storage.list),
    move: note(storage.move),
    remove: note(storage.remove),
  };
  await using registry = await serveOn({ storage: noting });
  const nasty = fc.constantFrom(
    "..",
    ".",
    "%2e%2e",
    "%2f",
    "a",
    "_manifests",
    "_uploads",
    "",
    "%00",
    "%5c",
    "sha256:x",
    digest,
    "%c0%ae",
    "x%0ay",
  );
  const path = fc.array(nasty, { minLength: 1, maxLength: 5 }).map((parts) => parts.join("/"));
  const tail = fc.constantFrom("tags/list", "manifests/", "blobs/", "blobs/uploads/", "referrers/", "");
  const method = fc.constantFrom("GET", "PUT", "POST", "PATCH", "DELETE", "HEAD");
  const property = fc.asyncProperty(method, path, tail, nasty, async (verb, name, kind, key) => {
    asked.length = 0;
    const answer = await rawRequest(
      registry.origin,
      verb,
      `/v2/${name}/${kind}${key}?digest=${key}&from=${name}&mount=${digest}`,
    );
    assert.ok(answer.status < 500, String(answer.status));
    for (const each of asked) {
      assert.match(each.replace(/^varve\/(?:[a-z]+|gc\/condemned)\/(?=docker\/)/, ""), inside);
      assert.ok(!each.split("/").some((part) => part === "." || part === ".." || part.includes("\0")), each);
    }
  });
  await fc.assert(property, { numRuns: 300 });
});

test("repository names are checked in linear time, and as distribution has them", () => {
  for (const good of ["a", "a/b", "a.b", "a_b", "a__b", "a---b", "0/1"])
    assert.ok(isRepositoryName(good), good);
  for (const bad of ["", "a/", "/a", "a//b", "a..b", "a___b", "-a", "a-", "a._b", "ä", "a\n"]) {
    assert.ok(!isRepositoryName(bad), bad);
  }
});

test("a Host header that is none does not get into Locations", async () => {
  await using registry = await serveOn({ storage: memoryStorage() });
  const { port } = new URL(registry.origin);
  const socket = connect(Number(port), "127.0.0.1");
  socket.end(
    'POST /v2/x/blobs/uploads/ HTTP/1.1\r\nHost: a"<b>/@c\r\nContent-Length: 0\r\nConnection: close\r\n\r\n',
  );
  assert.match(await text(socket), /^Location: \/v2\/x\/blobs\/uploads\/[0-9a-f-]{36}\r$/m);
});

test("faults of the storage have their status, tell nothing of it, and leave an upload that goes on", async () => {
  const storage = memoryStorage();
  let fault: Error | undefined;
  const failing: StorageDriver = {
    ...storage,
    name: "failing",
    read: (path) => storage.read(path),
    write: (path, bytes) => storage.write(path, bytes),
    stat: (path) => storage.stat(path),
    remove: (path) => storage.remove(path),
    list: (path) => storage.list(path),
    open: (path, range, signal) => storage.open(path, range, signal),
    appendTo: (path, options) => storage.appendTo(path, options),
    move: async (from, to) => {
      if (fault !== undefined) throw fault;
      await storage.move(from, to);
    },
  };
  await using registry = await serveOn({ storage: failing });
  const url = await startUpload(registry.origin, "x");
  const finish = (body = "") => fetch(`${url}?digest=${digest}`, { method: "PUT", body });
  const faults = [
    [new Failure("no-space", "secret: disk full"), 507, "UNAVAILABLE"],
    [new Failure("unavailable", "secret: store down"), 503, "UNAVAILABLE"],
    [new Error("secret"), 500, "UNKNOWN"],
  ] as const;
  for (const [i, [error, status, code]] of faults.entries()) {
    fault = error;
    const answer = await finish(i === 0 ? "x" : "");
    assert.doesNotMatch(await answer.clone().text(), /secret/);
    assert.deepEqual(await refusal(answer), [status, code]);
    assert.deepEqual(await refusal(fetch(`${registry.origin}/v2/x/blobs/${digest}`)), [404, "BLOB_UNKNOWN"]);
  }
  fault = undefined;
  assert.equal((await finish()).status, 201);
});
