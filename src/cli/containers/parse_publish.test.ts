import assert from "node:assert/strict";
import { test } from "node:test";
import { parsePorts } from "./parse_publish.ts";

const good: readonly (readonly [string, Record<string, readonly [string, string][]>])[] = [
  ["80", { "80/tcp": [["", ""]] }],
  ["8080:80", { "80/tcp": [["", "8080"]] }],
  ["8080:80/udp", { "80/udp": [["", "8080"]] }],
  ["127.0.0.1:8080:80", { "80/tcp": [["127.0.0.1", "8080"]] }],
  ["127.0.0.1::80", { "80/tcp": [["127.0.0.1", ""]] }],
  ["[::1]:8080:80/TCP", { "80/tcp": [["::1", "8080"]] }],
  ["8080-8081:80-81", { "80/tcp": [["", "8080"]], "81/tcp": [["", "8081"]] }],
  ["8080-8089:80", { "80/tcp": [["", "8080-8089"]] }],
  ["published=8080,target=80,protocol=udp", { "80/udp": [["", "8080"]] }],
];
for (const [text, expected] of good) {
  test(`--publish ${text}`, () => {
    const { bindings, exposed } = parsePorts([text], []);
    const shown = Object.entries(bindings).map(
      ([port, places]) => [port, places.map(({ HostIp, HostPort }) => [HostIp, HostPort])] as const,
    );
    assert.deepEqual(Object.fromEntries(shown), expected);
    assert.deepEqual(Object.keys(exposed), Object.keys(expected));
  });
}

const bad: readonly (readonly [string, string])[] = [
  ["", "no port specified: <empty>"],
  ["80:", "no port specified: 80:<empty>"],
  ["99999:1", "invalid hostPort: 99999"],
  ["1:x", "invalid containerPort: x"],
  ["90-80", "invalid containerPort: 90-80"],
  ["80/icmp", "invalid proto: icmp"],
  ["host:80:80", "invalid IP address: host"],
  ["1-3:1-2", "invalid ranges specified for container and host Ports: 1-2 and 1-3"],
  ["from=80", "invalid publish opts format (should be name=value but got 'from=80')"],
];
for (const [text, message] of bad) {
  test(`--publish ${JSON.stringify(text)} is refused`, () =>
    assert.throws(() => parsePorts([text], []), { kind: "invalid", message }));
}

test("--expose takes ports and ranges, and publishes nothing", () => {
  const { exposed, bindings } = parsePorts([], ["80", "90-91/udp"]);
  assert.deepEqual(Object.keys(exposed), ["80/tcp", "90/udp", "91/udp"]);
  assert.deepEqual(bindings, {});
  assert.throws(() => parsePorts([], ["1:2"]), { message: "invalid port format for --expose: 1:2" });
  assert.throws(() => parsePorts([], ["x"]), { message: "invalid range format for --expose: x" });
});
