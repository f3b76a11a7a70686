/** `docker-registry` 2.8 and this registry in turns on one root (behaviours B161, B175). */
import assert from "node:assert/strict";
import { createHash, randomBytes } from "node:crypto";
import { rmSync } from "node:fs";
import { mkdtemp, readdir } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, test } from "node:test";
import { collectByPeer, peerRegistrySkip, peerSecret, servePeer } from "../../test/suites/peer_registry.ts";
import {
  manifestOf,
  pushBlob,
  pushSmallImage,
  putManifest,
  serveOn,
  startUpload,
  type ServedRegistry,
} from "../../test/suites/registry_requests.ts";
import { digestOf, mediaTypes } from "../oci/index.ts";
import { filesystemStorage } from "./storage/filesystem.ts";

const directory = await mkdtemp(join(tmpdir(), "varve-interchange-"));
// Not a hook: with many files in one process it would run before these tests do.
process.once("exit", () => rmSync(directory, { recursive: true }));
const ours = (root: string): Promise<ServedRegistry> =>
  serveOn({ storage: filesystemStorage(root), uploadSecret: peerSecret });
const servers = { "docker-registry": servePeer, varve: ours } as const;
type Name = keyof typeof servers;
const directions: readonly [Name, Name][] = [
  ["docker-registry", "varve"],
  ["varve", "docker-registry"],
];

/** The Location's path and query at another server. */
const at = (origin: string, location: string) => {
  const { pathname, search } = new URL(location);
  return `${origin}${pathname}${search}`;
};
/** Without it docker-registry does not give what it has. */
const accepting = { headers: { Accept: mediaTypes.ociManifest } };
const binary = { "Content-Type": "application/octet-stream" };

async function patch(url: string, body: Uint8Array<ArrayBuffer>): Promise<string> {
  const answer = await fetch(url, { method: "PATCH", body, headers: binary });
  assert.equal(answer.status, 202, await answer.text());
  return new URL(answer.headers.get("location") as string, url).href;
}

for (const [first, second] of directions) {
  describe(`from ${first} to ${second}`, { skip: peerRegistrySkip }, () => {
    // 5 bytes leave a hash state, 3 MiB do not where varve wrote them.
    for (const size of [5, 63, 64, 3 << 20]) {
      test(`B161 B175 an upload of ${size} bytes goes on, and its digest is right`, async () => {
        const root = join(directory, `${first}-${size}`);
        const [head, tail] = [Buffer.from(randomBytes(size)), Buffer.from(randomBytes(1000))];
        const digest = digestOf(Buffer.concat([head, tail]));
        let location: string;
        {
          await using server = await servers[first](root);
          location = await patch(await startUpload(server.origin, "up"), head);
        }
        await using server = await servers[second](root);
        const more = await patch(at(server.origin, location), tail.subarray(0, 500));
        const url = `${more}${more.includes("?") ? "&" : "?"}digest=${digest}`;
        const done = await fetch(url, { method: "PUT", body: tail.subarray(500), headers: binary });
        assert.equal(done.status, 201, await done.text());
        const got = await fetch(`${server.origin}/v2/up/blobs/${digest}`);
        assert.equal(digestOf(Buffer.from(await got.arrayBuffer())), digest);
        assert.deepEqual(
          await readdir(join(root, "docker/registry/v2/repositories/up/_uploads")).catch(() => []),
          [],
        );
      });
    }

    test("B175 images, tags, listings and deletions of the one are those of the other", async () => {
      const root = join(directory, `${first}-tree`);
      const bytes = manifestOf(digestOf("{}"));
      let digest: string;
      {
        await using server = await servers[first](root);
        digest = await pushSmallImage(server.origin, "a/b", "one");
        for (const tag of ["two", "gone"]) await pushSmallImage(server.origin, "a/b", tag);
        await pushSmallImage(server.origin, "c", "x");
      }
      {
        await using server = await servers[second](root);
        const { origin } = server;
        const got = await fetch(`${origin}/v2/a/b/manifests/one`, accepting);
        assert.deepEqual(Buffer.from(await got.arrayBuffer()), bytes);
        assert.equal(got.headers.get("docker-content-digest"), digest);
        const list = (await (await fetch(`${origin}/v2/a/b/tags/list`)).json()) as { tags: string[] };
        assert.deepEqual(list.tags.sort(), ["gone", "one", "two"]);
        assert.deepEqual(await (await fetch(`${origin}/v2/_catalog`)).json(), { repositories: ["a/b", "c"] });
        // The other server's rules for deletion differ by tag, not by digest.
        const removed = await fetch(`${origin}/v2/c/manifests/${digest}`, { method: "DELETE" });
        assert.equal(removed.status, 202);
        assert.equal((await putManifest(origin, "a/b", "three", bytes)).status, 201);
        await pushBlob(origin, "a/b", "more");
      }
      await using server = await servers[first](root);
      assert.equal((await fetch(`${server.origin}/v2/c/manifests/x`, accepting)).status, 404);
      assert.equal((await fetch(`${server.origin}/v2/a/b/manifests/three`, accepting)).status, 200);
    });
  });
}

test(
  "B175 a blob that distribution took as sha512 is found under both digests",
  { skip: peerRegistrySkip },
  async () => {
    const root = join(directory, "sha512");
    const bytes = Buffer.from("either way");
    const long = `sha512:${createHash("sha512").update(bytes).digest("hex")}`;
    {
      await using server = await servePeer(root);
      const location = await patch(await startUpload(server.origin, "x"), bytes);
      assert.equal(
        (await fetch(`${location}&digest=${long}`, { method: "PUT", headers: binary })).status,
        201,
      );
    }
    await using server = await ours(root);
    for (const digest of [long, digestOf(bytes)]) {
      const got = await fetch(`${server.origin}/v2/x/blobs/${digest}`);
      assert.deepEqual([got.headers.get("docker-content-digest"), await got.text()], [digest, "either way"]);
    }
  },
);

test(
  "B175 garbage collection of distribution's keeps what varve pushed, sha512 too",
  { skip: peerRegistrySkip },
  async () => {
    const root = join(directory, "collected");
    const config = Buffer.from('{"kept":true}');
    const long = `sha512:${createHash("sha512").update(config).digest("hex")}` as const;
    {
      await using server = await ours(root);
      const url = `${server.origin}/v2/x/blobs/uploads/?digest=${long}`;
      assert.equal((await fetch(url, { method: "POST", body: config })).status, 201);
      assert.equal((await putManifest(server.origin, "x", "t", manifestOf(long))).status, 201);
      await pushBlob(server.origin, "x", "garbage");
    }
    collectByPeer(root);
    await using server = await ours(root);
    assert.equal((await fetch(`${server.origin}/v2/x/manifests/t`)).status, 200);
    assert.equal(await (await fetch(`${server.origin}/v2/x/blobs/${long}`)).text(), config.toString());
    assert.equal((await fetch(`${server.origin}/v2/x/blobs/${digestOf("garbage")}`)).status, 404);
  },
);
