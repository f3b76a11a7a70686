import assert from "node:assert/strict";
import { test } from "node:test";
import { Failure } from "../../errors.ts";
import { memoryStorage } from "../storage/memory.ts";
import { readConfig } from "./config/read_config.ts";
import { Health, healthChecks } from "./health.ts";

test("a check counts as failed after as many failures as the configuration says, and is well at once", async (t) => {
  t.mock.timers.enable({ apis: ["setInterval"] });
  let isBroken = false;
  const look = async () => {
    if (isBroken) throw new Error("down");
  };
  using health = new Health([{ name: "a", interval: 10, threshold: 2, look }]);
  await health.start();
  assert.deepEqual(health.problems(), {});
  const tick = async () => {
    t.mock.timers.tick(10);
    await new Promise(setImmediate);
  };
  isBroken = true;
  await tick();
  assert.deepEqual(health.problems(), {});
  await tick();
  assert.deepEqual(health.problems(), { a: "down" });
  isBroken = false;
  await tick();
  assert.deepEqual(health.problems(), {});
});

test("a storage that fails at the start is told of before anybody is served", async () => {
  const config = await readConfig({ environment: { REGISTRY_STORAGE: "inmemory" } });
  const broken = {
    ...memoryStorage(),
    name: "inmemory",
    stat: () => Promise.reject(new Failure("unavailable", "no store")),
  };
  using health = new Health(healthChecks(config, broken));
  await health.start();
  assert.deepEqual(health.problems(), { storagedriver_inmemory: "no store" });
});
