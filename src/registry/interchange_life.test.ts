/** Indexes, referrers, moved and deleted tags, and garbage collection, with `docker-registry` 2.8 on the same root (B175). */
import assert from "node:assert/strict";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import { collectByPeer, peerRegistrySkip, peerSecret, servePeer } from "../../test/suites/peer_registry.ts";
import {
  manifestOf,
  pushBlob,
  putManifest,
  serveOn,
  startUpload,
  type ServedRegistry,
} from "../../test/suites/registry_requests.ts";
import { scratch } from "../../test/suites/scratch.ts";
import { digestOf, mediaTypes, type Digest } from "../oci/index.ts";
import { collectGarbage, tagHistory } from "./gc/index.ts";
import { filesystemStorage } from "./storage/filesystem.ts";

const ours = (root: string): Promise<ServedRegistry> =>
  serveOn({ storage: filesystemStorage(root), uploadSecret: peerSecret });
const servers = { "docker-registry": servePeer, varve: ours } as const;
type Name = keyof typeof servers;
const directions: readonly [Name, Name][] = [
  ["docker-registry", "varve"],
  ["varve", "docker-registry"],
];

/** Does something with one of the two servers, which is alone then. */
async function by<T>(name: Name, root: string, act: (repository: string) => Promise<T>): Promise<T> {
  await using server = await servers[name](root);
  return await act(`${server.origin}/v2/r`);
}

const config = digestOf("{}");
const members = ["amd64", "arm64"].map((of) => manifestOf(config, { annotations: { of } }));
const [amd64, arm64] = members.map((bytes) => digestOf(bytes)) as [Digest, Digest];
const index = Buffer.from(
  JSON.stringify({
    schemaVersion: 2,
    mediaType: mediaTypes.ociIndex,
    manifests: members.map((bytes, i) => ({
      mediaType: mediaTypes.ociManifest,
      digest: digestOf(bytes),
      size: bytes.length,
      platform: { os: "linux", architecture: i === 0 ? "amd64" : "arm64" },
    })),
  }),
);
const signature = (of: string) =>
  manifestOf(config, { subject: digestOf(index), artifactType: "application/x.test", annotations: { of } });
const accepting = { headers: { Accept: `${mediaTypes.ociManifest}, ${mediaTypes.ociIndex}` } };
const asIndex = { "Content-Type": mediaTypes.ociIndex };

const put = async (repository: string, key: string, bytes: Buffer, headers = {}): Promise<void> => {
  const answer = await putManifest(new URL(repository).origin, "r", key, bytes, headers);
  assert.equal(answer.status, 201, await answer.text());
};
const statusOf = async (url: string): Promise<number> => (await fetch(url, accepting)).status;
const assertBytes = async (repository: string, key: string, bytes: Buffer): Promise<void> => {
  const got = await fetch(`${repository}/manifests/${key}`, accepting);
  assert.equal(got.headers.get("docker-content-digest"), digestOf(bytes), key);
  assert.deepEqual(Buffer.from(await got.arrayBuffer()), bytes, key);
};
const tagsOf = async (repository: string): Promise<string[]> => {
  const { tags } = (await (await fetch(`${repository}/tags/list`)).json()) as { tags: string[] };
  return tags.sort();
};
const referrersOf = async (repository: string): Promise<Digest[]> => {
  const answer = await fetch(`${repository}/referrers/${digestOf(index)}`);
  const { manifests } = (await answer.json()) as { manifests: { digest: Digest }[] };
  return manifests.map(({ digest }) => digest).sort();
};

/** An index `multi` of two images, the tag `v` on one of them, and a signature without a tag. */
async function pushAll(repository: string): Promise<void> {
  const { origin } = new URL(repository);
  await pushBlob(origin, "r", "{}");
  for (const bytes of members) await put(repository, digestOf(bytes), bytes);
  await put(repository, "multi", index, asIndex);
  await put(repository, digestOf(signature("first")), signature("first"));
  await put(repository, "v", members[0]!);
}

async function collect(root: string, untagged: boolean): Promise<void> {
  const options = { quiet: true, grace: 0, trash: 0, untagged };
  for await (const _ of collectGarbage(filesystemStorage(root), options));
}

for (const [first, second] of directions) {
  describe(`from ${first} to ${second}`, { skip: peerRegistrySkip }, () => {
    test("B165 B175 indexes and what refers to them, pushed to either", async () => {
      using directory = scratch("interchange");
      const root = join(directory.path, "root");
      await by(first, root, pushAll);
      await by(second, root, async (repository) => {
        for (const bytes of [...members, signature("first")])
          await assertBytes(repository, digestOf(bytes), bytes);
        for (const key of ["multi", digestOf(index)]) await assertBytes(repository, key, index);
        await put(repository, digestOf(signature("second")), signature("second"));
      });
      const expected = ["first", "second"].map((of) => digestOf(signature(of))).sort();
      await by("varve", root, async (repository) =>
        assert.deepEqual(await referrersOf(repository), expected),
      );
    });

    test("B168 B175 a tag that is moved to and fro, and one that is deleted", async () => {
      using directory = scratch("interchange");
      const root = join(directory.path, "root");
      await by(first, root, async (repository) => {
        await pushAll(repository);
        await put(repository, "v", members[1]!);
        for (const tag of ["gone", "again"]) await put(repository, tag, signature("first"));
      });
      await by("varve", root, async (repository) => {
        for (const tag of ["gone", "again"])
          assert.equal((await fetch(`${repository}/manifests/${tag}`, { method: "DELETE" })).status, 202);
      });
      await by(second, root, async (repository) => {
        await assertBytes(repository, "v", members[1]!);
        await put(repository, "v", members[0]!);
        assert.deepEqual(await tagsOf(repository), ["multi", "v"]);
        await put(repository, "again", members[1]!);
      });
      await by(first, root, async (repository) => {
        await assertBytes(repository, "v", members[0]!);
        assert.equal(await statusOf(`${repository}/manifests/gone`), 404);
        assert.deepEqual(await tagsOf(repository), ["again", "multi", "v"]);
      });
      const { current, events } = await tagHistory(filesystemStorage(root), "r", "v");
      assert.equal(current, amd64);
      assert.deepEqual(new Set(events.map(({ digest }) => digest)), new Set([amd64, arm64]));
      // By digest: all tags that lead there.
      await by(second, root, async (repository) => {
        assert.equal((await fetch(`${repository}/manifests/${arm64}`, { method: "DELETE" })).status, 202);
      });
      await by(first, root, async (repository) => {
        assert.equal(await statusOf(`${repository}/manifests/again`), 404);
        assert.deepEqual(await tagsOf(repository), ["multi", "v"]);
      });
    });
  });
}

/** Ends an upload of `head` that the other server began, and asserts that the blob is there. */
async function goOn(repository: string, location: string, head: string): Promise<void> {
  const { pathname, search } = new URL(location);
  const url = new URL(`${pathname}${search}`, repository).href;
  const digest = digestOf(`${head} tail`);
  const binary = { "Content-Type": "application/octet-stream" };
  const more = await fetch(url, { method: "PATCH", body: " tail", headers: binary });
  assert.equal(more.status, 202, await more.text());
  const next = new URL(more.headers.get("location") as string, repository).href;
  const end = `${next}${next.includes("?") ? "&" : "?"}digest=${digest}`;
  assert.equal((await fetch(end, { method: "PUT", headers: binary })).status, 201);
  assert.equal(await (await fetch(`${repository}/blobs/${digest}`)).text(), `${head} tail`);
}

async function begin(repository: string, head: string): Promise<string> {
  const url = await startUpload(new URL(repository).origin, "r");
  const binary = { "Content-Type": "application/octet-stream" };
  const answer = await fetch(url, { method: "PATCH", body: head, headers: binary });
  return new URL(answer.headers.get("location") as string, repository).href;
}

const collectors = {
  varve: (root: string) => collect(root, false),
  "docker-registry": async (root: string) => collectByPeer(root),
};

for (const [first, second] of directions) {
  test(
    `B169 B175 ${first} collects garbage of both, and ${second} serves what is left, uploads in progress too`,
    { skip: peerRegistrySkip },
    async () => {
      using directory = scratch("interchange");
      const root = join(directory.path, "root");
      mkdirSync(root);
      const location = await by(first, root, async (repository) => {
        await pushAll(repository);
        await pushBlob(new URL(repository).origin, "r", "garbage of one");
        return begin(repository, "head");
      });
      await by(second, root, async (repository) => {
        await pushBlob(new URL(repository).origin, "r", "garbage of the other");
        await put(repository, "w", signature("second"));
        const url = `${repository}/manifests/${digestOf(signature("second"))}`;
        assert.equal((await fetch(url, { method: "DELETE" })).status, 202);
      });
      await collectors[first](root);
      await by(second, root, async (repository) => {
        await assertBytes(repository, "multi", index);
        await assertBytes(repository, "v", members[0]!);
        for (const bytes of [...members, signature("first")])
          await assertBytes(repository, digestOf(bytes), bytes);
        assert.deepEqual(await tagsOf(repository), ["multi", "v"]);
        assert.equal(await (await fetch(`${repository}/blobs/${config}`)).text(), "{}");
        for (const text of ["garbage of one", "garbage of the other"])
          assert.equal(await statusOf(`${repository}/blobs/${digestOf(text)}`), 404, text);
        await goOn(repository, location, "head");
      });
    },
  );
}

test(
  "B165 B175 docker-registry's garbage-collect --delete-untagged takes referrers, which it does not know; varve lists none then",
  { skip: peerRegistrySkip },
  async () => {
    using directory = scratch("interchange");
    const root = join(directory.path, "root");
    await by("varve", root, async (repository) => {
      await pushBlob(new URL(repository).origin, "r", "{}");
      await put(repository, "v", members[0]!);
      await put(repository, digestOf(signature("first")), signature("first"));
      assert.equal((await referrersOf(repository)).length, 1);
    });
    collectByPeer(root, "--delete-untagged");
    await by("varve", root, async (repository) => {
      assert.deepEqual(await referrersOf(repository), []);
      assert.equal(await statusOf(`${repository}/manifests/${digestOf(signature("first"))}`), 404);
      await assertBytes(repository, "v", members[0]!);
      // It can be pushed again: its blob is one that the image has, too.
      await put(repository, digestOf(signature("first")), signature("first"));
      assert.equal((await referrersOf(repository)).length, 1);
    });
  },
);
