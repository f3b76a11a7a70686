import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { test } from "node:test";
import { testMachine, unlessBridges } from "../../test/suites/network_fixture.ts";
import type { NetworkRequest } from "./types.ts";

const skip = unlessBridges;

test("B180 create, list, inspect, prune, remove, with Docker's words", { skip }, async () => {
  await using machine = await testMachine();
  const { networks, endpoints } = machine.networking;
  const interfaces = (): string => execFileSync("ip", ["-br", "addr"], { encoding: "utf8" });
  const before = interfaces();
  const one = await networks.create({ name: "one", labels: { x: "y" } });
  assert.deepEqual(one.ipam.config, [{ subnet: "172.18.0.0/16", gateway: "172.18.0.1" }]);
  assert.match(interfaces(), new RegExp(`br-${one.id.slice(0, 12)} .*172\\.18\\.0\\.1/16`));
  const two = await networks.create({ name: "two" });
  assert.equal(two.ipam.config[0]?.subnet, "172.19.0.0/16");
  assert.deepEqual(
    networks.list().map(({ name }) => name),
    ["bridge", "host", "none", "one", "two"],
  );
  for (const term of [one.id, "one", one.id.slice(0, 12)]) assert.equal(networks.inspect(term).id, one.id);
  assert.throws(() => networks.inspect("x"), { kind: "not-found", message: "network x not found" });

  const namespace = machine.container("web");
  const request = { containerId: "a".repeat(64), containerName: "web", namespace };
  const endpoint = await endpoints.connect({ network: "one", ...request });
  await assert.rejects(networks.remove("one"), {
    kind: "denied",
    message: `error while removing network: network one id ${one.id} has active endpoints`,
  });
  assert.deepEqual(await networks.prune(), ["two"]);
  await endpoints.disconnect(endpoint.id);
  assert.deepEqual(await networks.prune(({ labels }) => labels["x"] === undefined), []);
  assert.equal((await networks.remove("one")).name, "one");
  assert.equal(interfaces(), before);
  await assert.rejects(endpoints.connect({ network: "host", ...request }), { kind: "denied" });
  await assert.rejects(endpoints.connect({ network: "none", ...request }), { kind: "denied" });
});

const refused: readonly [NetworkRequest, kind: string, message: string][] = [
  [{ name: "one" }, "conflict", "network with name one already exists"],
  [{ name: "host" }, "denied", "operation is not permitted on predefined host network "],
  [{ name: "x", driver: "foo" }, "not-found", 'plugin "foo" not found'],
  [{ name: "x", driver: "host" }, "denied", 'only one instance of "host" network is allowed'],
  [{ name: " " }, "invalid", "invalid name: name is empty"],
  [
    { name: "x", ipam: { config: [{ subnet: "172.18.0.0/24" }] } },
    "denied",
    "Pool overlaps with other one on this address space",
  ],
  [
    { name: "x", options: { "com.docker.network.bridge.name": "a b" } },
    "invalid",
    'bridge name "a b" cannot be the name of an interface',
  ],
  [
    { name: "x", options: { "com.docker.network.driver.mtu": "1500\nlink" } },
    "invalid",
    'failed to parse com.docker.network.driver.mtu value: 1500\nlink (strconv.Atoi: parsing "1500\\nlink": invalid syntax)',
  ],
];

test("what create refuses is not there afterwards", { skip }, async () => {
  await using machine = await testMachine();
  const { networks } = machine.networking;
  await networks.create({ name: "one" });
  for (const [request, kind, message] of refused)
    await assert.rejects(networks.create(request), { kind, message });
  execFileSync("ip", ["link", "add", "name", "taken0", "type", "bridge"]);
  const taken = { name: "x", options: { "com.docker.network.bridge.name": "taken0" } };
  await assert.rejects(networks.create(taken), { kind: "conflict" });
  await assert.rejects(networks.remove("bridge"), {
    kind: "denied",
    message: "bridge is a pre-defined network and cannot be removed",
  });
  assert.deepEqual(
    networks.list().map(({ name }) => name),
    ["bridge", "host", "none", "one"],
  );
});

test("two roots on one machine take different addresses", { skip }, async () => {
  await using machine = await testMachine();
  const { openNetworking } = await import("./open_networking.ts");
  const other = await openNetworking({ ...machine.options, directory: `${machine.path}/other` });
  const connect = async ({ endpoints }: typeof other, name: string): Promise<string> => {
    const namespace = machine.container(name);
    const request = { network: "bridge", containerId: "a".repeat(64), containerName: name, namespace };
    return (await endpoints.connect(request)).ipv4.address;
  };
  assert.equal(await connect(machine.networking, "web"), "172.17.0.2");
  assert.equal(await connect(other, "also"), "172.18.0.2");
  assert.equal(other.networks.inspect("bridge").ipam.config[0]?.subnet, "172.18.0.0/16");
});
