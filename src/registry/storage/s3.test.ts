import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { fromBytes } from "../../bytes/index.ts";
import { isFailure } from "../../errors.ts";
import { flakyFixture, serverFixture } from "../../../test/suites/object_fixture.ts";
import { unlessAll } from "../../../test/suites/scratch.ts";
import { storageDriverSuite } from "../../../test/suites/storage_driver_suite.ts";
import { s3Fake, type S3Fake, type S3FakeOptions } from "../../../test/support/s3_fake.ts";
import { openS3 } from "./s3.ts";

const fakeOptions: S3FakeOptions = {
  vendor: "s3",
  bucket: "images",
  region: "eu-central-1",
  accessKey: "AKIDEXAMPLE",
  secretKey: "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY",
};
const parameters = (origin: string) => ({
  region: fakeOptions.region,
  regionendpoint: origin,
  bucket: fakeOptions.bucket,
  accesskey: fakeOptions.accessKey,
  secretkey: fakeOptions.secretKey,
  chunksize: 5 << 20,
});
const open = (origin: string) => openS3({ ...parameters(origin), rootdirectory: "/some/root" }, {});
const { signal } = new AbortController();

storageDriverSuite("s3 (protocol fake)", async () => serverFixture(await s3Fake(fakeOptions), open));
storageDriverSuite(
  "s3 over a line that fails (protocol fake)",
  async () => flakyFixture(await s3Fake(fakeOptions), open),
  { many: 60, skip: unlessAll },
);
storageDriverSuite(
  "s3 without conditional puts (protocol fake)",
  async () => serverFixture(await s3Fake({ ...fakeOptions, ignoresConditions: true }), open),
  { many: 30, skip: unlessAll },
);

describe("s3 (protocol fake)", () => {
  test("objects larger than the threshold are copied in parts", async () => {
    await using fake = await s3Fake(fakeOptions);
    const driver = openS3(
      { ...parameters(fake.origin), multipartcopythresholdsize: 1000, multipartcopychunksize: "5242880" },
      {},
    );
    const content = Buffer.alloc((11 << 20) + 1, "copied ");
    await driver.write("a/data", content);
    await driver.move("a/data", "b/data");
    assert.equal(fake.log.filter((line) => /^PUT .*partNumber=/.test(line)).length, 3);
    assert.ok(content.equals((await driver.read("b/data")) as Uint8Array));
    assert.deepEqual([...fake.objects.keys()], ["b/data"]);
    assert.equal(fake.uploads.size, 0);
    await driver.close?.();
  });

  test("B161 what a crash left between two multipart uploads is gone on with", async () => {
    await using fake = await s3Fake(fakeOptions);
    const driver = openS3(parameters(fake.origin), {});
    await using file = await driver.appendTo("u/data", { continuing: false });
    await file.append(fromBytes(Buffer.from("before")), signal);
    await file.commit();
    assert.equal(fake.uploads.size, 0);
    await using completed = await driver.appendTo("u/data", { continuing: true });
    assert.equal(completed.size, 6);
    for (const upload of fake.uploads.values()) upload.parts.clear();
    await using begun = await driver.appendTo("u/data", { continuing: true });
    assert.equal(await begun.append(fromBytes(Buffer.from(" and after")), signal), 16);
    await begun.commit();
    assert.equal(String(await driver.read("u/data")), "before and after");
    await driver.close?.();
  });

  test("wrong credentials are denied, a server that is away is unavailable", async () => {
    const fake: S3Fake = await s3Fake(fakeOptions);
    const wrong = openS3({ ...parameters(fake.origin), secretkey: "wrong" }, {});
    for (const attempt of [
      () => wrong.read("a"),
      () => wrong.write("a", Buffer.from("")),
      () => wrong.stat("a"),
    ]) {
      await assert.rejects(attempt, (error) => isFailure(error, "denied"));
    }
    const driver = openS3(parameters(fake.origin), {});
    await fake[Symbol.asyncDispose]();
    await assert.rejects(
      driver.read("a"),
      (error) => isFailure(error, "unavailable") && error.message.includes("ECONNREFUSED"),
    );
    await Promise.all([driver.close?.(), wrong.close?.()]);
  });

  test("credentials come from the environment and from a service on the machine", async () => {
    await using fake = await s3Fake(fakeOptions);
    const { accesskey: _, secretkey: __, ...rest } = parameters(fake.origin);
    const { accessKey, secretKey } = fakeOptions;
    const driver = openS3(rest, { AWS_ACCESS_KEY_ID: accessKey, AWS_SECRET_ACCESS_KEY: secretKey });
    await driver.write("a", Buffer.from("x"));
    assert.equal(String(await driver.read("a")), "x");
    await driver.close?.();
  });

  test("parameters that are wrong or unknown are named", () => {
    const good = parameters("http://127.0.0.1:1");
    const cases: [Record<string, unknown>, RegExp][] = [
      [{ ...good, region: undefined }, /^storage\.s3\.region is missing$/],
      [{ ...good, bucket: "" }, /^storage\.s3\.bucket is missing$/],
      [{ ...good, bucket: "a/b" }, /^storage\.s3\.bucket is not the name of a bucket: a\/b$/],
      [{ ...good, secretkey: undefined }, /^storage\.s3\.secretkey is missing beside its counterpart$/],
      [{ ...good, secure: "maybe" }, /^storage\.s3\.secure must be true or false, found "maybe"$/],
      [
        { ...good, chunksize: 5 },
        /^storage\.s3\.chunksize must be a whole number, from 5242880 to 5368709120, found 5$/,
      ],
      [{ ...good, objectacl: "mine" }, /^storage\.s3\.objectacl must be one of private, .*, found "mine"$/],
      [
        { ...good, regionendpoint: "http://:x" },
        /^storage\.s3\.regionendpoint is not an address: http:\/\/:x$/,
      ],
      [{ ...good, buckets: "x" }, /^storage\.s3\.buckets is not a parameter of this driver$/],
      [{ ...good, v4auth: "false" }, /^storage\.s3\.v4auth is false: /],
    ];
    for (const [values, message] of cases) assert.throws(() => openS3(values, {}), { message });
  });
});
