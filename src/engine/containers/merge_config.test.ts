import assert from "node:assert/strict";
import { test } from "node:test";
import { mergeConfig } from "./merge_config.ts";

test("a health check is the image's, but for what the user says", () => {
  const image = { Cmd: ["x"], Healthcheck: { Test: ["CMD-SHELL", "true"], Interval: 60e9, Retries: 2 } };
  const health = (Healthcheck?: object): unknown =>
    mergeConfig(Healthcheck === undefined ? {} : { Healthcheck }, image).Healthcheck;
  assert.deepEqual(health(), image.Healthcheck);
  assert.deepEqual(health({ Test: [], Interval: 5e9, Retries: 0 }), { ...image.Healthcheck, Interval: 5e9 });
  assert.deepEqual(health({ Test: ["NONE"] }), { ...image.Healthcheck, Test: ["NONE"] });
  assert.deepEqual(mergeConfig({ Healthcheck: { Test: ["CMD", "y"] } }, {}).Healthcheck, {
    Test: ["CMD", "y"],
  });
});

test("a working directory is written without what says nothing", () => {
  for (const [user, image, merged] of [
    ["/tmp/", "/image", "/tmp"],
    ["", "/a//b/../c/.", "/a/c"],
    ["/", "", "/"],
    ["", "", ""],
  ] as const)
    assert.equal(mergeConfig({ WorkingDir: user }, { WorkingDir: image }).WorkingDir, merged);
});
