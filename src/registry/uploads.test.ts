import assert from "node:assert/strict";
import { createHash, randomBytes } from "node:crypto";
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { request } from "node:http";
import { once } from "node:events";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { pushBlob, refusal, serveOn, startUpload } from "../../test/suites/registry_requests.ts";
import { fromBytes } from "../bytes/index.ts";
import { digestOf } from "../oci/index.ts";
import { filesystemStorage } from "./storage/filesystem.ts";
import { memoryStorage } from "./storage/memory.ts";
import { openStorage } from "./storage/open_storage.ts";
import { s3Fake } from "../../test/support/s3_fake.ts";

const directory = await mkdtemp(join(tmpdir(), "varve-uploads-"));
after(() => rm(directory, { recursive: true }));
const uploadsOf = (name: string) => join(directory, "docker/registry/v2/repositories", name, "_uploads");
const sha512 = (bytes: string | Buffer) => `sha512:${createHash("sha512").update(bytes).digest("hex")}`;
const patch = (url: string, body: string | Buffer, headers: Record<string, string> = {}) =>
  fetch(url, { method: "PATCH", body, headers });

test("B161 a session on disk: data, startedat without line feed, a hash state of 108 bytes; gone when done", async () => {
  await using registry = await serveOn({ storage: filesystemStorage(directory) });
  const url = await startUpload(registry.origin, "disk");
  await patch(url, "hello");
  const uuid = url.slice(url.lastIndexOf("/") + 1);
  const files = async () =>
    (await readdir(uploadsOf("disk"), { recursive: true, withFileTypes: true }).catch(() => []))
      .filter((entry) => entry.isFile())
      .map((entry) => join(entry.parentPath, entry.name).slice(uploadsOf("disk").length + 1))
      .sort();
  assert.deepEqual(await files(), [`${uuid}/data`, `${uuid}/hashstates/sha256/5`, `${uuid}/startedat`]);
  const read = (file: string) => readFile(join(uploadsOf("disk"), uuid, file));
  assert.match(
    await readFile(join(uploadsOf("disk"), uuid, "startedat"), "utf8"),
    /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/,
  );
  assert.equal((await read("data")).toString(), "hello");
  assert.equal((await read("hashstates/sha256/5")).length, 108);
  assert.equal((await fetch(`${url}?digest=${digestOf("hello")}`, { method: "PUT" })).status, 201);
  assert.deepEqual(await files(), []);
});

test("B161 an upload without bytes is there for others, on an object store as well (protocol fake)", async () => {
  const account = { region: "us-east-1", bucket: "images" };
  await using fake = await s3Fake({ vendor: "s3", ...account, accessKey: "key", secretKey: "secret" });
  const parameters = { ...account, accesskey: "key", secretkey: "secret", regionendpoint: fake.origin };
  for (const storage of [memoryStorage(), await openStorage({ name: "s3", parameters })]) {
    await using registry = await serveOn({ storage });
    const url = await startUpload(registry.origin, "begun");
    // As docker-registry does before it answers anything about a session.
    const data = `docker/registry/v2/repositories/begun/_uploads/${url.slice(url.lastIndexOf("/") + 1)}/data`;
    await using file = await storage.appendTo(data, { continuing: true });
    assert.equal(file.size, 0, storage.name);
  }
});

test("B161 a large upload has no state: reading it again is cheaper", async () => {
  const storage = memoryStorage();
  await using registry = await serveOn({ storage });
  const url = await startUpload(registry.origin, "large");
  const bytes = randomBytes((1 << 20) + 1);
  await patch(url, bytes);
  const uuid = url.slice(url.lastIndexOf("/") + 1);
  assert.equal(
    await storage.stat(`docker/registry/v2/repositories/large/_uploads/${uuid}/hashstates`),
    undefined,
  );
  assert.equal((await fetch(`${url}?digest=${digestOf(bytes)}`, { method: "PUT" })).status, 201);
});

test("B162 chunks go in turn to two instances on one storage, and to a third after both are gone", async () => {
  const storage = memoryStorage();
  const chunks = ["ab", "cde", "f", "ghij"];
  let path: string;
  {
    await using one = await serveOn({ storage });
    await using two = await serveOn({ storage });
    path = new URL(await startUpload(one.origin, "turns")).pathname;
    let size = 0;
    for (const [i, chunk] of chunks.entries()) {
      const { origin } = [one, two][i % 2]!;
      const range = `${size}-${size + chunk.length - 1}`;
      const answer = await patch(`${origin}${path}`, chunk, { "Content-Range": range });
      size += chunk.length;
      assert.deepEqual([answer.status, answer.headers.get("range")], [202, `0-${size - 1}`]);
    }
  }
  await using three = await serveOn({ storage });
  const digest = digestOf(chunks.join(""));
  const done = await fetch(`${three.origin}${path}?digest=${digest}`, { method: "PUT" });
  assert.equal(done.status, 201);
  assert.equal(await (await fetch(`${three.origin}/v2/turns/blobs/${digest}`)).text(), "abcdefghij");
});

test("an instance that hashed other bytes than there are does not trust its hash", async () => {
  const storage = memoryStorage();
  await using registry = await serveOn({ storage });
  const url = await startUpload(registry.origin, "mixed");
  await patch(url, "aa");
  // Another instance appends behind this one's back.
  const uuid = url.slice(url.lastIndexOf("/") + 1);
  const data = `docker/registry/v2/repositories/mixed/_uploads/${uuid}/data`;
  await using other = await storage.appendTo(data, { continuing: true });
  await other.append(fromBytes(Buffer.from("XX")), new AbortController().signal);
  assert.deepEqual(await refusal(fetch(`${url}?digest=${digestOf("aabb")}`, { method: "PUT", body: "bb" })), [
    400,
    "DIGEST_INVALID",
  ]);
});

test("a damaged hash state costs a second reading and nothing else", async () => {
  const storage = memoryStorage();
  await using one = await serveOn({ storage });
  const path = new URL(await startUpload(one.origin, "damaged")).pathname;
  await patch(`${one.origin}${path}`, "hello");
  const uuid = path.slice(path.lastIndexOf("/") + 1);
  const state = `docker/registry/v2/repositories/damaged/_uploads/${uuid}/hashstates/sha256/5`;
  await storage.write(state, Buffer.alloc(108));
  await using two = await serveOn({ storage });
  const done = await fetch(`${two.origin}${path}?digest=${digestOf("hello")}`, { method: "PUT" });
  assert.equal(done.status, 201);
});

const refused: readonly [string, Record<string, string>, [number, string]][] = [
  ["a gap", { "Content-Range": "6-7" }, [416, "RANGE_INVALID"]],
  ["an overlap", { "Content-Range": "4-5" }, [416, "RANGE_INVALID"]],
  ["a range backwards", { "Content-Range": "5-4" }, [416, "RANGE_INVALID"]],
  ["no range at all", { "Content-Range": "five to six" }, [416, "RANGE_INVALID"]],
  ["a range of another length", { "Content-Range": "5-9" }, [400, "SIZE_INVALID"]],
];
for (const [what, headers, expected] of refused) {
  test(`B162 a chunk with ${what} is ${expected.join(" ")}, says where to go on, and changes nothing`, async () => {
    await using registry = await serveOn({ storage: memoryStorage() });
    const url = await startUpload(registry.origin, "x");
    await patch(url, "hello");
    for (const send of [
      () => patch(url, "zz", headers),
      () => fetch(`${url}?digest=${digestOf("hellozz")}`, { method: "PUT", body: "zz", headers }),
    ]) {
      const answer = await send();
      if (expected[0] === 416) {
        assert.equal(answer.headers.get("range"), "0-4");
        assert.equal(answer.headers.get("location"), url);
      }
      assert.deepEqual(await refusal(answer), expected);
    }
    const status = await fetch(url);
    assert.deepEqual([status.status, status.headers.get("range")], [204, "0-4"]);
    assert.equal((await patch(url, "zz", { "Content-Range": "bytes 5-6/7" })).status, 202);
  });
}

test("B162 a body is read whatever its Content-Type; a finished session is unknown", async () => {
  await using registry = await serveOn({ storage: memoryStorage() });
  const url = await startUpload(registry.origin, "x");
  const form = { "Content-Type": "application/x-www-form-urlencoded" };
  assert.equal((await patch(url, "a=b", form)).headers.get("range"), "0-2");
  const finish = () => fetch(`${url}?digest=${digestOf("a=b")}&_state=anything`, { method: "PUT" });
  assert.equal((await finish()).status, 201);
  for (const again of [finish(), patch(url, "x"), fetch(url), fetch(url, { method: "DELETE" })]) {
    assert.deepEqual(await refusal(again), [404, "BLOB_UPLOAD_UNKNOWN"]);
  }
});

test("B162 sha512: told at the start, or not, or in one request", async () => {
  await using registry = await serveOn({ storage: memoryStorage() });
  const base = `${registry.origin}/v2/x/blobs`;
  for (const [i, query] of ["?digest-algorithm=sha512", ""].entries()) {
    const started = await fetch(`${base}/uploads/${query}`, { method: "POST" });
    const url = started.headers.get("location") as string;
    await patch(url, "many ");
    const done = await fetch(`${url}?digest=${sha512(`many bits${i}`)}`, { method: "PUT", body: `bits${i}` });
    assert.equal(done.headers.get("docker-content-digest"), sha512(`many bits${i}`));
    assert.equal(await (await fetch(`${base}/${sha512(`many bits${i}`)}`)).text(), `many bits${i}`);
  }
  const whole = await fetch(`${base}/uploads/?digest=${sha512("w")}`, { method: "POST", body: "w" });
  assert.equal(whole.status, 201);
  const wrong = fetch(`${base}/uploads/?digest=${sha512("w")}`, { method: "POST", body: "v" });
  assert.deepEqual(await refusal(wrong), [400, "DIGEST_INVALID"]);
  for (const query of ["digest-algorithm=md5", "digest=md5:00", "digest=sha256:00"]) {
    assert.deepEqual(await refusal(fetch(`${base}/uploads/?${query}`, { method: "POST" })), [
      400,
      "DIGEST_INVALID",
    ]);
  }
});

test("B162 whoever comes back to a session that hangs takes it over", async () => {
  await using registry = await serveOn({ storage: memoryStorage() });
  const url = await startUpload(registry.origin, "x");
  // A client that sends half of its chunk and then nothing, with the connection open.
  const hanging = request(url, { method: "PATCH", headers: { "Content-Length": "10" } });
  const broken = once(hanging, "error");
  hanging.write("hello");
  while ((await fetch(url)).headers.get("range") !== "0-4");
  const taken = await patch(url, " world", { "Content-Range": "5-10" });
  assert.deepEqual([taken.status, taken.headers.get("range")], [202, "0-10"]);
  assert.match(String((await broken)[0]), /socket hang up|ECONNRESET/);
  const done = await fetch(`${url}?digest=${digestOf("hello world")}`, { method: "PUT" });
  assert.equal(done.status, 201);
});

test("B162 a session that another instance finishes meanwhile is unknown then, and the blob is what it was", async () => {
  const storage = filesystemStorage(directory);
  await using one = await serveOn({ storage });
  await using two = await serveOn({ storage: filesystemStorage(directory) });
  const url = await startUpload(one.origin, "raced");
  const slow = request(url, { method: "PATCH", headers: { "Content-Length": "10" } });
  const answered = once(slow, "response") as Promise<[{ statusCode?: number }]>;
  // The driver writes once it has 1 MiB, and waits for the next one.
  const first = randomBytes(3 << 19);
  slow.setHeader("Content-Length", first.length + 1);
  slow.write(first);
  while ((await fetch(url)).headers.get("range") === "0-0");
  const size = Number((await fetch(url)).headers.get("range")?.slice(2)) + 1;
  const digest = digestOf(first.subarray(0, size));
  const path = new URL(url).pathname;
  const done = await fetch(`${two.origin}${path}?digest=${digest}`, { method: "PUT" });
  assert.equal(done.status, 201);
  slow.end("x");
  assert.equal((await answered)[0].statusCode, 404);
  const got = await fetch(`${one.origin}/v2/raced/blobs/${digest}`);
  assert.equal(digestOf(Buffer.from(await got.arrayBuffer())), digest);
});

test("B162 a session belongs to its repository", async () => {
  await using registry = await serveOn({ storage: memoryStorage() });
  const url = await startUpload(registry.origin, "mine");
  assert.deepEqual(await refusal(fetch(url.replace("/mine/", "/yours/"))), [404, "BLOB_UPLOAD_UNKNOWN"]);
});

test("B164 a mount without from finds what anybody may pull; what nobody has is uploaded", async () => {
  await using registry = await serveOn({ storage: memoryStorage() });
  const digest = await pushBlob(registry.origin, "a", "shared");
  const mount = (query: string) =>
    fetch(`${registry.origin}/v2/b/blobs/uploads/?${query}`, { method: "POST" });
  assert.equal((await mount(`mount=${digestOf("absent")}`)).status, 202);
  assert.equal((await mount(`mount=${digest}&from=../a`)).status, 202);
  assert.equal((await mount("mount=sha256:zz&from=a")).status, 202);
  const mounted = await mount(`mount=${digest}`);
  assert.deepEqual([mounted.status, mounted.headers.get("docker-content-digest")], [201, digest]);
  assert.equal(await (await fetch(`${registry.origin}/v2/b/blobs/${digest}`)).text(), "shared");
});
