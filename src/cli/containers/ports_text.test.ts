import assert from "node:assert/strict";
import { test } from "node:test";
import { portsText } from "./ports_text.ts";

type Ports = Parameters<typeof portsText>[0];
const tcp = (port: number, address?: string, hostPort?: number): Ports[number] => ({
  port,
  protocol: "tcp",
  ...(address !== undefined && { address }),
  ...(hostPort !== undefined && { hostPort }),
});

// Cases of docker/cli, formatter/container_test.go, TestDisplayablePorts.
const cases: readonly [Ports, string][] = [
  [[], ""],
  [[tcp(9988)], "9988/tcp"],
  [[{ port: 9988, protocol: "udp" }], "9988/udp"],
  [[tcp(9988, "0.0.0.0")], "0.0.0.0:0->9988/tcp"],
  [[tcp(9988, "::")], "[::]:0->9988/tcp"],
  [[tcp(9988, "4.3.2.1", 8899)], "4.3.2.1:8899->9988/tcp"],
  [[tcp(9988, "4.3.2.1", 9988)], "4.3.2.1:9988->9988/tcp"],
  [[tcp(9988), tcp(9989), tcp(9987)], "9987-9989/tcp"],
  [[tcp(9988, "1.2.3.4", 9988), tcp(9989, "1.2.3.4", 9989)], "1.2.3.4:9988-9989->9988-9989/tcp"],
  [[tcp(9987, "1.2.3.4", 9999), tcp(9990), tcp(9988)], "9988/tcp, 9990/tcp, 1.2.3.4:9999->9987/tcp"],
];
for (const [ports, expected] of cases) {
  test(`ports as ${JSON.stringify(expected)}`, () => assert.equal(portsText(ports), expected));
}
