import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import { pushSmallImage, serveOn } from "../../../test/suites/registry_requests.ts";
import { scratch } from "../../../test/suites/scratch.ts";
import { digestOf } from "../../oci/index.ts";
import { memoryStorage } from "../storage/memory.ts";
import { DiskGuard, type DiskSpace } from "./disk_guard.ts";

const gib = 1 << 30;

test("B172 a disk that is nearly full takes nothing; reading and deleting go on", async (t) => {
  t.mock.timers.enable({ apis: ["Date"], now: 1e12 });
  let space: DiskSpace = { size: 100 * gib, free: 10 * gib };
  const least = { kind: "percent", percent: 5 } as const;
  const guard = new DiskGuard({ path: "", least, look: async () => space });
  await using registry = await serveOn({ storage: memoryStorage(), policy: guard.policy });
  const { origin } = registry;
  const digest = await pushSmallImage(origin, "a", "t");
  assert.equal(await guard.problem(), undefined);
  space = { size: 100 * gib, free: 4 * gib };
  t.mock.timers.tick(1000);
  const problem = "the registry's disk is nearly full: 4 GiB free, 5 GiB must stay so";
  assert.equal(await guard.problem(), problem);
  const refused = await fetch(`${origin}/v2/a/blobs/uploads/`, { method: "POST" });
  assert.equal(refused.status, 403);
  assert.deepEqual(await refused.json(), { errors: [{ code: "DENIED", message: problem }] });
  const url = `${origin}/v2/a/manifests/${digest}`;
  const bytes = Buffer.from(await (await fetch(url)).arrayBuffer());
  assert.equal(digestOf(bytes), digest);
  assert.equal((await fetch(`${origin}/v2/a/manifests/u`, { method: "PUT", body: bytes })).status, 403);
  assert.equal((await fetch(url, { method: "DELETE" })).status, 202);
  space = { size: 100 * gib, free: 6 * gib };
  t.mock.timers.tick(1000);
  await pushSmallImage(origin, "a", "t");
});

test("B172 what would fill the disk is refused before it comes, by the size that it has", async () => {
  const look = async () => ({ size: 100 * gib, free: 3 * gib });
  const guard = new DiskGuard({ path: "", least: { kind: "bytes", bytes: 2 * gib }, look });
  assert.equal(await guard.problem(gib), undefined);
  assert.match((await guard.problem(gib + 1)) ?? "", /3 GiB free, wanted 1 GiB, 2 GiB must stay so/);
});

test("B172 the disk that is looked at is that of the data", async () => {
  using directory = scratch("disk");
  const guard = (percent: number) =>
    new DiskGuard({ path: join(directory.path, "not", "yet"), least: { kind: "percent", percent } });
  assert.equal(await guard(0).problem(), undefined);
  assert.match((await guard(100).problem(1)) ?? "", /nearly full/);
});
