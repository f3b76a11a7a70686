/** A full disk below the registry: 507, nothing half done, all else goes on, and success once there is room. */
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
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
import { scratch, unlessRoot } from "../../test/suites/scratch.ts";
import { SmallDisk } from "../../test/suites/small_disk.ts";
import { digestOf } from "../oci/index.ts";
import { filesystemStorage } from "./storage/filesystem.ts";

const MiB = 1 << 20;
const full: [number, string] = [507, "UNAVAILABLE"];

const skip = ((): string | false => {
  if (unlessRoot !== false) return unlessRoot;
  using directory = scratch("disk");
  try {
    using _ = new SmallDisk(join(directory.path, "probe"), MiB);
    return false;
  } catch (error) {
    return `cannot mount a tmpfs: ${(error as Error).message.split("\n")[0]}`;
  }
})();

test(
  "B162 a blob that does not fit: in one request nothing of it stays, a session goes on when there is room",
  { skip },
  async () => {
    using directory = scratch("disk");
    using disk = new SmallDisk(join(directory.path, "root"), 4 * MiB);
    await using registry = await serveOn({ storage: filesystemStorage(disk.path) });
    const { origin } = registry;
    await pushSmallImage(origin, "x", "t");
    const used = disk.used;
    const bytes = randomBytes(6 * MiB);
    const digest = digestOf(bytes);
    const whole = fetch(`${origin}/v2/x/blobs/uploads/?digest=${digest}`, { method: "POST", body: bytes });
    assert.deepEqual(await refusal(whole), full);
    assert.ok(disk.used <= used + MiB / 4, `${disk.used - used} bytes stayed`);
    const url = await startUpload(origin, "x");
    assert.deepEqual(await refusal(fetch(url, { method: "PATCH", body: bytes })), full);
    assert.equal((await fetch(`${origin}/v2/x/blobs/${digest}`)).status, 404);
    assert.equal((await fetch(`${origin}/v2/x/manifests/t`)).status, 200);
    disk.resize(16 * MiB);
    const at = Number((await fetch(url)).headers.get("range")?.slice(2)) + 1;
    assert.ok(at > MiB && at <= 4 * MiB, String(at));
    const headers = { "Content-Range": `${at}-${bytes.length - 1}` };
    const rest = await fetch(url, { method: "PATCH", body: bytes.subarray(at), headers });
    assert.equal(rest.status, 202, await rest.text());
    assert.equal((await fetch(`${url}?digest=${digest}`, { method: "PUT" })).status, 201);
    const got = await fetch(`${origin}/v2/x/blobs/${digest}`);
    assert.equal(digestOf(Buffer.from(await got.arrayBuffer())), digest);
  },
);

test(
  "B163 B168 a manifest that does not fit: the tag is what it was; pulls and deletions go on",
  { skip },
  async () => {
    using directory = scratch("disk");
    using disk = new SmallDisk(join(directory.path, "root"), 2 * MiB);
    await using registry = await serveOn({ storage: filesystemStorage(disk.path) });
    const { origin } = registry;
    const old = await pushSmallImage(origin, "x", "t");
    await pushSmallImage(origin, "x", "u");
    const layer = await pushBlob(origin, "x", "layer");
    const next = manifestOf(digestOf("{}"), { annotations: { filler: "a".repeat(100_000) } });
    // Every last page of it.
    assert.throws(() => writeFileSync(join(disk.path, "filler"), randomBytes(4 * MiB)), /ENOSPC/);
    assert.deepEqual(await refusal(await putManifest(origin, "x", "t", next)), full);
    assert.deepEqual(await refusal(await putManifest(origin, "x", "new", next)), full);
    const started = await fetch(`${origin}/v2/x/blobs/uploads/`, { method: "POST" });
    assert.deepEqual(await refusal(started), full);
    const tags = async () => (await (await fetch(`${origin}/v2/x/tags/list`)).json()) as { tags: string[] };
    assert.deepEqual((await tags()).tags, ["t", "u"]);
    const got = await fetch(`${origin}/v2/x/manifests/t`);
    assert.equal(got.headers.get("docker-content-digest"), old);
    assert.equal((await fetch(`${origin}/v2/x/manifests/${digestOf(next)}`)).status, 404);
    assert.equal(await (await fetch(`${origin}/v2/x/blobs/${layer}`)).text(), "layer");
    for (const path of ["manifests/u", `blobs/${layer}`])
      assert.equal((await fetch(`${origin}/v2/x/${path}`, { method: "DELETE" })).status, 202, path);
    disk.resize(8 * MiB);
    for (const tag of ["t", "new"]) assert.equal((await putManifest(origin, "x", tag, next)).status, 201);
    assert.deepEqual((await tags()).tags, ["new", "t"]);
  },
);
