import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { fromBytes } from "../../bytes/index.ts";
import { flakyFixture, serverFixture } from "../../../test/suites/object_fixture.ts";
import { scratch } from "../../../test/suites/scratch.ts";
import { storageDriverSuite } from "../../../test/suites/storage_driver_suite.ts";
import { startSwift, swiftSkip, type SwiftServer } from "../../../test/suites/swift_server.ts";
import { openS3 } from "./s3.ts";
import { openSwift } from "./swift.ts";
import type { StorageDriver } from "./types.ts";

const parameters = (origin: string) => ({
  authurl: `${origin}/auth/v1.0`,
  username: "test:tester",
  password: "testing",
  container: "images",
  chunksize: 1 << 20,
});
const open = (origin: string): StorageDriver => openSwift(parameters(origin));
const { signal } = new AbortController();

describe("on Debian's Swift", { skip: swiftSkip }, () => {
  let server: SwiftServer;
  let place: ReturnType<typeof scratch>;
  before(async () => {
    place = scratch("swift");
    server = await startSwift(place.path);
  });
  after(async () => {
    await server[Symbol.asyncDispose]();
    place[Symbol.dispose]();
  });
  const shared = () => ({ origin: server.origin, [Symbol.asyncDispose]: async () => undefined });

  storageDriverSuite("swift", async () => serverFixture(shared(), open), { many: 1010 });
  storageDriverSuite("swift over a line that fails", async () => flakyFixture(shared(), open), { many: 20 });

  const s3 = (origin: string) => {
    const { accessKey, secretKey } = server;
    const keys = { accesskey: accessKey, secretkey: secretKey, region: "us-east-1", bucket: "s3-images" };
    return openS3({ ...keys, regionendpoint: origin, chunksize: 5 << 20, conditionalwrites: false }, {});
  };
  const makeBucket = async (origin: string): Promise<StorageDriver> => {
    for (const container of ["s3-images", "s3-images+segments"]) {
      const maker = openSwift({ ...parameters(origin), container });
      await maker.stat("x");
      await maker.close?.();
    }
    return s3(origin);
  };
  storageDriverSuite("s3 on Swift's s3api", async () => serverFixture(shared(), makeBucket), { many: 20 });

  test("a manifest that a kill has left behind takes no segments with it", async () => {
    const driver = open(server.origin);
    await using file = await driver.appendTo("u/data", { continuing: false });
    await file.append(fromBytes(Buffer.from("large")), signal);
    await file.commit();
    const auth = await fetch(`${server.origin}/auth/v1.0`, {
      headers: { "X-Auth-User": "test:tester", "X-Auth-Key": "testing" },
    });
    const token = auth.headers.get("x-auth-token") as string;
    const url = `${auth.headers.get("x-storage-url")}/images/files/u/data`;
    const headers = { "X-Auth-Token": token };
    const manifest = (await fetch(url, { method: "HEAD", headers })).headers.get(
      "x-object-manifest",
    ) as string;
    await driver.move("u/data", "blobs/data");
    await fetch(url, { method: "PUT", headers: { ...headers, "X-Object-Manifest": manifest } });
    await driver.remove("u");
    assert.equal(String(await driver.read("blobs/data")), "large");
    await driver.remove("blobs");
    const left = await fetch(`${auth.headers.get("x-storage-url")}/${manifest.replace("/", "?prefix=")}`, {
      headers,
    });
    assert.equal(await left.text(), "");
    await driver.close?.();
  });
});

test("parameters of swift that are wrong or unknown are named", () => {
  const good = parameters("http://127.0.0.1:1");
  const cases: [Record<string, unknown>, string][] = [
    [{ ...good, username: "" }, "storage.swift.username is missing"],
    [{ ...good, container: undefined }, "storage.swift.container is missing"],
    [{ ...good, authurl: "nowhere" }, "storage.swift.authurl is not an address: nowhere"],
    [{ ...good, bucket: "x" }, "storage.swift.bucket is not a parameter of this driver"],
    [
      { ...good, authversion: 2 },
      "storage.swift.authversion is 2, which OpenStack removed in 2018; 1 and 3 are supported",
    ],
  ];
  for (const [values, message] of cases) assert.throws(() => openSwift(values), { message });
});
