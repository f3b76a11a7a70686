/** Bodies that mean no good: depth, sizes that are none, less than was announced. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { connect } from "node:net";
import { text } from "node:stream/consumers";
import { test } from "node:test";
import {
  manifestOf,
  pushBlob,
  putManifest,
  refusal,
  serveOn,
  startUpload,
} from "../../test/suites/registry_requests.ts";
import { digestOf, mediaTypes, type Manifest } from "../oci/index.ts";
import { memoryStorage } from "./storage/memory.ts";

test("B163 four MiB of depth, and sizes that are none, are refused without being followed", async () => {
  await using registry = await serveOn({ storage: memoryStorage() });
  const good = JSON.parse(manifestOf(await pushBlob(registry.origin, "x", "{}")).toString()) as Manifest;
  const sized = (size: number | string) => JSON.stringify({ ...good, config: { ...good.config, size } });
  const start = JSON.stringify(good).slice(0, -1);
  for (const [what, body, type] of [
    ["lists", `${start},"a":${"[".repeat(2_000_000)}${"]".repeat(2_000_000)}}`, mediaTypes.ociManifest],
    ["objects", `${start},"a":${'{"a":'.repeat(600_000)}1${"}".repeat(600_000)}}`, mediaTypes.ociManifest],
    ["of no known type", "[".repeat(4_000_000), "application/vnd.example+json"],
    ["negative", sized(-1), mediaTypes.ociManifest],
    ["a fraction", sized(1.5), mediaTypes.ociManifest],
    ["beyond all numbers", sized(1e300), mediaTypes.ociManifest],
    ["a text", sized("2"), mediaTypes.ociManifest],
  ] as const) {
    const answer = putManifest(registry.origin, "x", "t", Buffer.from(body), { "Content-Type": type });
    assert.deepEqual(await refusal(answer), [400, "MANIFEST_INVALID"], what);
  }
});

test("B162 a body that ends before its announced length is no blob, and the session goes on from what came", async () => {
  await using registry = await serveOn({ storage: memoryStorage() });
  const url = await startUpload(registry.origin, "x");
  const { port, pathname } = new URL(url);
  const cut = connect(Number(port), "127.0.0.1");
  cut.end(
    `PUT ${pathname}?digest=${digestOf("hello")} HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nhello`,
  );
  await text(cut);
  assert.equal((await fetch(`${registry.origin}/v2/x/blobs/${digestOf("hello")}`)).status, 404);
  while ((await fetch(url)).headers.get("range") !== "0-4");
  const rest = await fetch(`${url}?digest=${digestOf("hello you")}`, { method: "PUT", body: " you" });
  assert.equal(rest.status, 201);
});

for (const connection of ["keep-alive", "close"])
  test(`B163 a client that sends all before it reads gets to read why it was refused: ${connection}`, async () => {
    const policy = { beforeUpload: () => Promise.resolve({ maxBytes: 1 << 20 }) };
    await using registry = await serveOn({ storage: memoryStorage(), policy });
    const { port, pathname } = new URL(await startUpload(registry.origin, "x"));
    const client = connect({ port: Number(port), host: "127.0.0.1", allowHalfOpen: true });
    const piece = Buffer.alloc(1 << 20);
    // Beyond what is taken before the server ends its side.
    const pieces = 40;
    const head = [`PATCH ${pathname} HTTP/1.1`, "Host: x", `Connection: ${connection}`];
    client.write(`${head.join("\r\n")}\r\nContent-Length: ${pieces * piece.length}\r\n\r\n`);
    for (let sent = 0; sent < pieces; sent++) if (!client.write(piece)) await once(client, "drain");
    assert.match(await text(client), /^HTTP\/1\.1 403 .*"DENIED"/s);
  });
