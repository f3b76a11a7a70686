import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { scratch } from "../../../test/suites/scratch.ts";
import { storageDriverSuite } from "../../../test/suites/storage_driver_suite.ts";
import { isFailure } from "../../errors.ts";
import { openStorage, storageDriverNames } from "./open_storage.ts";

const sample = join(import.meta.dirname, "../../../examples/storage_driver.ts");

storageDriverSuite(
  "B174 the sample of a custom driver",
  async () => {
    const place = scratch("sample-driver");
    const options = { file: join(place.path, "registry.db") };
    return {
      open: () => openStorage({ name: "custom", parameters: { module: sample, options } }),
      [Symbol.asyncDispose]: async () => place[Symbol.dispose](),
    };
  },
  { many: 60 },
);

test("B173 each driver opens by its name, with distribution's parameters", async () => {
  using place = scratch("open-storage");
  const bucket = { bucket: "images", region: "us-east-1" };
  const configs: Record<string, Record<string, unknown>> = {
    filesystem: { rootdirectory: place.path, maxthreads: 100 },
    inmemory: {},
    memory: {},
    s3: { ...bucket, accesskey: "a", secretkey: "b" },
    s3aws: { ...bucket, regionendpoint: "minio.example:9000", secure: false, encrypt: true, keyid: "k" },
    azure: { accountname: "images", accountkey: "a2V5", container: "registry" },
    gcs: { bucket: "images", keyfile: "/nowhere/key.json" },
    oss: { ...bucket, accesskeyid: "a", accesskeysecret: "b", internal: true },
    swift: {
      authurl: "https://keystone.example/v3",
      username: "a",
      password: "b",
      container: "c",
      tenant: 12,
    },
    custom: { module: sample, options: { file: join(place.path, "db") } },
  };
  assert.deepEqual(Object.keys(configs), storageDriverNames);
  for (const [name, parameters] of Object.entries(configs)) {
    const driver = await openStorage({ name, parameters });
    assert.equal(typeof driver.read, "function", name);
    await driver.close?.();
  }
});

test("names and parameters that are wrong say what is right", async () => {
  const cases: [string, Record<string, unknown>, string][] = [
    ["rados", {}, "there is no storage driver rados"],
    ["constructor", {}, "there is no storage driver constructor"],
    ["filesystem", { rootdir: "/x" }, "storage.filesystem.rootdir is not a parameter of this driver"],
    ["filesystem", { rootdirectory: ["x"] }, 'storage.filesystem.rootdirectory must be text, found ["x"]'],
    ["inmemory", { size: 1 }, "storage.inmemory.size is not a parameter of this driver"],
    ["custom", {}, "storage.custom.module is missing"],
    ["custom", { module: "./x.js", option: 1 }, "storage.custom.option is not a parameter of this driver"],
  ];
  for (const [name, parameters, message] of cases) {
    await assert.rejects(openStorage({ name, parameters }), { message });
  }
});

test("B174 a module that gives no driver is refused, with what it lacks", async () => {
  using place = scratch("custom-driver");
  const modules: [string, RegExp][] = [
    ["this is no module", /^storage\.custom\.module: cannot load /],
    ["export const open = 1", /has no function as its default export$/],
    ["export default () => undefined", /it has no method read$/],
    ["export default async () => ({ read() {} })", /it has no method write$/],
  ];
  for (const [index, [text, message]] of modules.entries()) {
    const module = join(place.path, `driver${index}.mjs`);
    writeFileSync(module, text);
    const opened = openStorage({ name: "custom", parameters: { module } });
    await assert.rejects(opened, (error) => isFailure(error, "invalid") && message.test(error.message), text);
  }
});
