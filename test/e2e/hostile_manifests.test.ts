/** Hostile manifests, configs, blobs and names, through the bundled program; overlay2 where there is root, else vfs. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { readdirSync } from "node:fs";
import { createServer, type AddressInfo } from "node:net";
import { join } from "node:path";
import { test } from "node:test";
import { digestOf } from "../../src/oci/index.ts";
import type { Fault } from "../../src/registry/index.ts";
import { tarFile, tarOf } from "../support/tar_help.ts";
import { unlessLinux } from "../suites/scratch.ts";
import { hostileImage } from "../fixtures/hostile/hostile_image.ts";
import { hostileManifests } from "../fixtures/hostile/hostile_manifests.ts";
import { hostileRegistry } from "../fixtures/hostile/hostile_registry.ts";
import { assertOneError, footprint, partials, World } from "../fixtures/hostile/world.ts";
import { varveOn } from "./support.ts";

const good = hostileImage([{ tar: tarOf([tarFile({ path: "etc/os-release" }, "ID=good\n")]) }]);

test("B113 B115 B117 B119 hostile documents and blobs", { skip: unlessLinux }, async (t) => {
  using world = new World();
  await using registry = await hostileRegistry();
  const varve = varveOn(world.root);
  await varve("pull", "-q", await registry.publish("good", good));
  const listed = await varve("images", "-a", "--digests", "--no-trunc");
  const before = footprint(world.root);
  for (const [index, { title, image, refused }] of hostileManifests.entries()) {
    await t.test(title, async () => {
      const reference = await registry.publish(`attack${index}`, image);
      assertOneError(await varve.run(["pull", reference]), refused);
      assert.deepEqual(footprint(world.root), before);
      world.assertUntouched();
    });
  }
  await t.test("what may stay: whole or unfinished blobs, for the next attempt", () => {
    const sizes = new Map(hostileManifests.flatMap(({ image }) => [...image.blobs]));
    for (const name of partials(world.root)) {
      const digest = `sha256:${name.replace(".partial", "")}` as const;
      assert.equal(digestOf(sizes.get(digest) ?? ""), digest, `${name} is of a blob that is what it says`);
    }
  });
  assert.equal(await varve("images", "-a", "--digests", "--no-trunc"), listed);
  assert.equal(await varve("system", "check", "--deep"), "no problems found");
  assert.equal(await varve("system", "gc"), "Total reclaimed space: 0B");
});

test(
  "answers that mislead: an index without end, redirects, terminal codes",
  { skip: unlessLinux },
  async (t) => {
    using world = new World();
    const answers = new Map<string, Fault>();
    await using registry = await hostileRegistry({ faults: ({ path }) => answers.get(path) });
    const varve = varveOn(world.root);
    const refuse = async (name: string, message: RegExp): Promise<string> => {
      const outcome = await varve.run(["pull", `${registry.address}/${name}:1`]);
      assertOneError(outcome, message);
      assert.deepEqual(readdirSync(join(world.root, "varve")).includes("blobs"), false);
      return outcome.stderr;
    };
    await t.test("indexes in indexes", async () => {
      let inner = { digest: digestOf("x"), size: 1 };
      for (let depth = 0; depth < 8; depth++) {
        const mediaType = "application/vnd.oci.image.index.v1+json";
        const body = JSON.stringify({ schemaVersion: 2, mediaType, manifests: [{ mediaType, ...inner }] });
        const headers = { "Content-Type": mediaType, "Docker-Content-Digest": digestOf(body) };
        const answer: Fault = { kind: "answer", status: 200, headers, body };
        for (const key of ["1", digestOf(body)]) answers.set(`/v2/deep/manifests/${key}`, answer);
        inner = { digest: digestOf(body), size: body.length };
      }
      await refuse("deep", /an index lies more than 4 levels deep$/);
    });
    await t.test("a redirect to a file", async () => {
      const headers = { Location: "file:///nonexistent-varve-decoy" };
      answers.set("/v2/file/manifests/1", { kind: "answer", status: 307, headers });
      await refuse("file", /redirected to an unusable Location$/);
    });
    await t.test("a redirect to itself", async () => {
      const headers = { Location: "/v2/loop/manifests/1" };
      answers.set("/v2/loop/manifests/1", { kind: "answer", status: 307, headers });
      await refuse("loop", /stopped after 10 redirects$/);
    });
    await t.test("control characters in the registry's words do not reach the terminal", async () => {
      const body = JSON.stringify({
        errors: [{ code: "DENIED", message: "no\u001b[2J\u0007\nvarve: done\u009b" }],
      });
      answers.set("/v2/escape/manifests/1", { kind: "answer", status: 403, body });
      const said = await refuse("escape", /pull access denied/);
      // oxlint-disable-next-line no-control-regex
      assert.doesNotMatch(said.replaceAll("\n", ""), /[\x00-\x1f\x7f-\x9f]/);
    });
    assert.equal(await varve("images", "-aq"), "");
  },
);

test(
  "bad references are refused in Docker's words before anything is asked",
  { skip: unlessLinux },
  async () => {
    using world = new World();
    await using registry = await hostileRegistry();
    const varve = varveOn(world.root);
    const { address } = registry;
    const bad = [
      `${address}/../../decoy`,
      `${address}/a/../b:1`,
      `${address}/Upper:1`,
      `${address}/a:${"t".repeat(129)}`,
      `${address}/a@sha256:123`,
      `${address}/a:1 `,
      "\u0000".replace("\u0000", `${address}/a\u001b[2J`),
    ];
    for (const reference of bad)
      assertOneError(await varve.run(["pull", reference]), /invalid reference format/);
    assert.deepEqual(registry.requests, []);
  },
);

/** A server that answers every connection with these bytes. */
async function answering(bytes: string): Promise<AsyncDisposable & { readonly address: string }> {
  const server = createServer((socket) => {
    socket.on("error", () => undefined);
    socket.once("data", () => socket.end(bytes));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  return {
    address: `127.0.0.1:${port}`,
    [Symbol.asyncDispose]: async () => void (await once(server.close(), "close")),
  };
}

test("what is no registry is told in one line", { skip: unlessLinux }, async (t) => {
  using world = new World();
  const varve = varveOn(world.root);
  const page =
    "HTTP/1.1 200 OK\r\nContent-Length: 6\r\nContent-Type: text/html\r\nConnection: close\r\n\r\n<html>";
  const cases: [title: string, bytes: string, message: RegExp][] = [
    ["another protocol", "SSH-2.0-OpenSSH_9\r\n", /Parse Error: Expected HTTP/],
    ["a header without end", `HTTP/1.1 200 OK\r\nX: ${"x".repeat(100_000)}\r\n\r\n`, /Header overflow/],
    ["an impossible length", "HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\n", /Content-Length/],
    ["a web page", page, /cannot read manifest: /],
    [
      "a login at a file",
      'HTTP/1.1 401 No\r\nWWW-Authenticate: Bearer realm="file:///nonexistent-varve-decoy"\r\nContent-Length: 0\r\n\r\n',
      /its realm is no URL$/,
    ],
  ];
  for (const [title, bytes, message] of cases) {
    await t.test(title, async () => {
      await using server = await answering(bytes);
      assertOneError(await varve.run(["pull", `${server.address}/x:1`]), message);
    });
  }
  assert.equal(await varve("images", "-aq"), "");
});
