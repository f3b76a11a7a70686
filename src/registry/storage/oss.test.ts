import assert from "node:assert/strict";
import { test } from "node:test";
import { serverFixture } from "../../../test/suites/object_fixture.ts";
import { storageDriverSuite } from "../../../test/suites/storage_driver_suite.ts";
import { s3Fake, type S3FakeOptions } from "../../../test/support/s3_fake.ts";
import { openOss } from "./oss.ts";

const fakeOptions: S3FakeOptions = {
  vendor: "oss",
  bucket: "images",
  region: "cn-hangzhou",
  accessKey: "LTAIexample",
  secretKey: "secret",
};
const parameters = (origin: string) => ({
  accesskeyid: fakeOptions.accessKey,
  accesskeysecret: fakeOptions.secretKey,
  region: "oss-cn-hangzhou",
  bucket: fakeOptions.bucket,
  endpoint: origin,
  forcepathstyle: true,
  chunksize: 5 << 20,
});
const open = (origin: string) => openOss(parameters(origin));

storageDriverSuite("oss (protocol fake)", async () => serverFixture(await s3Fake(fakeOptions), open));
// Over a line that fails it is the code of s3, whose test has that.

test("parameters of oss that are missing or unknown are named", () => {
  const good = parameters("http://127.0.0.1:1");
  assert.throws(() => openOss({ ...good, accesskeyid: "" }), {
    message: "storage.oss.accesskeyid is missing",
  });
  assert.throws(() => openOss({ ...good, zone: "a" }), {
    message: "storage.oss.zone is not a parameter of this driver",
  });
});
