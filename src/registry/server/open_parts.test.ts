import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import { scratch } from "../../../test/suites/scratch.ts";
import { ObjectDriver } from "../storage/objects/object_driver.ts";
import { readConfig } from "./config/read_config.ts";
import { startServer } from "./start_server.ts";

test("the storage is closed with the server, and when something else cannot be had", async (t) => {
  using directory = scratch("parts");
  const closed = t.mock.method(ObjectDriver.prototype, "close");
  const keys = { accesskey: "user", secretkey: "secret", region: "us-east-1", bucket: "layers" };
  const storage = { s3: { ...keys, regionendpoint: "http://127.0.0.1:9" } };
  const start = async (more: object, addr = "127.0.0.1:0") => {
    const overrides = { storage, http: { addr }, health: { storagedriver: { enabled: false } }, ...more };
    return startServer(await readConfig({ environment: {}, overrides }), () => undefined);
  };
  const server = await start({});
  await assert.rejects(start({}, server.address), { kind: "conflict" });
  assert.equal(closed.mock.callCount(), 1);
  const htpasswd = { realm: "r", path: join(directory.path, "none", "below") };
  await assert.rejects(start({ auth: { htpasswd } }));
  assert.equal(closed.mock.callCount(), 2);
  await server.stop();
  assert.equal(closed.mock.callCount(), 3);
});
