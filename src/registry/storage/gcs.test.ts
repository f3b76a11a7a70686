import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { fromBytes } from "../../bytes/index.ts";
import { isFailure } from "../../errors.ts";
import { flakyFixture } from "../../../test/suites/object_fixture.ts";
import { scratch, unlessAll } from "../../../test/suites/scratch.ts";
import { storageDriverSuite, type StorageFixture } from "../../../test/suites/storage_driver_suite.ts";
import { gcsFake, type GcsFake } from "../../../test/support/gcs_fake.ts";
import { openGcs } from "./gcs.ts";
import type { StorageDriver } from "./types.ts";

const parameters = (fake: GcsFake, origin: string) => ({
  bucket: "images",
  endpoint: origin,
  credentials: fake.key(fake.origin),
  rootdirectory: "some/root",
  chunksize: 1 << 20,
});
const { signal } = new AbortController();
const open = (fake: GcsFake, origin = fake.origin): StorageDriver => openGcs(parameters(fake, origin), {});

async function plain(): Promise<StorageFixture> {
  const fake = await gcsFake({ bucket: "images", most: 768 << 10 });
  return { open: async () => open(fake), [Symbol.asyncDispose]: () => fake[Symbol.asyncDispose]() };
}

storageDriverSuite("gcs (protocol fake)", plain);
storageDriverSuite(
  "gcs over a line that fails (protocol fake)",
  async () => {
    const fake = await gcsFake({ bucket: "images", page: 7 });
    return flakyFixture(fake, (origin) => open(fake, origin));
  },
  { many: 60, skip: unlessAll },
);

test("an upload goes on with what the session has after a crash (protocol fake)", async () => {
  await using fake = await gcsFake({ bucket: "images" });
  const driver = open(fake);
  const content = randomBytes(3_000_000);
  await using file = await driver.appendTo("u/data", { continuing: false });
  await file.append(fromBytes(content.subarray(0, 1_500_000)), signal);
  const before = fake.objects.get("some/root/u/data");
  await file.append(fromBytes(content.subarray(1_500_000, 2_800_000)), signal);
  assert.ok(before);
  fake.objects.set("some/root/u/data", before);
  await using same = await driver.appendTo("u/data", { continuing: true });
  assert.ok(same.size >= 1_500_000 && same.size <= 2_800_000);
  await same.append(fromBytes(content.subarray(same.size)), signal);
  assert.equal(await driver.stat("u/data"), undefined, "it is not there before it is whole");
  await same.commit();
  assert.ok(content.equals((await driver.read("u/data")) as Uint8Array));
  await driver.close?.();
});

test("the key comes from a file too, and a wrong one is denied (protocol fake)", async () => {
  using place = scratch("gcs");
  await using fake = await gcsFake({ bucket: "images" });
  const keyfile = join(place.path, "key.json");
  writeFileSync(keyfile, JSON.stringify(fake.key(fake.origin)));
  const { credentials, ...rest } = parameters(fake, fake.origin);
  const driver = openGcs({ ...rest, keyfile }, {});
  await driver.write("a", Buffer.from("x"));
  assert.equal(String(await driver.read("a")), "x");
  const wrong = openGcs({ ...rest, credentials: { ...credentials, client_email: "nobody" } }, {});
  await assert.rejects(
    wrong.read("a"),
    (error) => isFailure(error, "denied") && /invalid_grant/.test(error.message),
  );
  await Promise.all([driver.close?.(), wrong.close?.()]);
});

test("parameters of gcs that are wrong or unknown are named", () => {
  const cases: [Record<string, unknown>, string][] = [
    [{}, "storage.gcs.bucket is missing"],
    [{ bucket: "x", chunksize: 300_000 }, "storage.gcs.chunksize must be a multiple of 262144, found 300000"],
    [{ bucket: "x", credentials: "key" }, 'storage.gcs.credentials must be a map, found "key"'],
    [{ bucket: "x", region: "eu" }, "storage.gcs.region is not a parameter of this driver"],
  ];
  for (const [values, message] of cases) assert.throws(() => openGcs(values, {}), { message });
});
