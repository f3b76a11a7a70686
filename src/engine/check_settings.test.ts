import assert from "node:assert/strict";
import { test } from "node:test";
import { checkSettings } from "./check_settings.ts";
import { noSettings, type DaemonSettings } from "./daemon_settings.ts";

const log = (Config: Record<string, string>): Partial<DaemonSettings> => ({
  containers: { LogConfig: { Type: "json-file", Config } },
});

for (const [settings, message] of [
  [{ networks: { bridgeAddress: "10.0.0.1" } }, "invalid CIDR address: 10.0.0.1"],
  [{ networks: { pools: [{ base: "x", size: 24 }] } }, 'invalid base pool "x": invalid CIDR address: x'],
  [log({ colour: "red" }), "unknown log opt 'colour' for json-file log driver"],
  [log({ "max-size": "much" }), /much/],
] as const) {
  test(`settings ${JSON.stringify(settings)} are refused`, async () => {
    await assert.rejects(checkSettings({ ...noSettings, ...settings }), { kind: "invalid", message });
  });
}

test("settings that make sense are taken", async () => {
  const networks = { bridgeAddress: "10.0.0.1/24", mtu: 1400, icc: false };
  await assert.doesNotReject(checkSettings({ ...noSettings, ...log({ "max-size": "1m" }), networks }));
});
