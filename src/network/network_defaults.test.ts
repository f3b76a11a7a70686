/** What the operator decides for all networks. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { testMachine, unlessBridges } from "../../test/suites/network_fixture.ts";
import { scratch } from "../../test/suites/scratch.ts";
import { openNetworking } from "./open_networking.ts";
import type { NetworkDefaults } from "./network_defaults.ts";

/** dockerd's. */
function outside(address: string, subnet: string): string {
  return `Error creating default "bridge" network: auxiliary address: (DefaultGateway${address}) must belong to the master pool: ${subnet}`;
}

for (const [defaults, message] of [
  [{ bridgeAddress: "10.1.0.1" }, "invalid CIDR address: 10.1.0.1"],
  [{ bridgeAddress: "fd00::1/64" }, "invalid CIDR address: fd00::1/64"],
  [
    { pools: [{ base: "10.0.0.0", size: 24 }] },
    'invalid base pool "10.0.0.0": invalid CIDR address: 10.0.0.0',
  ],
  [{ pools: [{ base: "10.0.0.0/16", size: 8 }] }, "invalid size 8 for address pool 10.0.0.0/16"],
  [{ pools: [{ base: "10.0.0.0/16", size: Number.NaN }] }, "invalid size NaN for address pool 10.0.0.0/16"],
  [{ mtu: 20 }, "invalid default MTU: 20"],
  [{ publishAddress: "::1" }, "ip: ::1 is not an IPv4 address"],
  [{ addressRange: "10.1.0.0" }, "invalid CIDR address: 10.1.0.0"],
  [
    { bridgeAddress: "10.1.0.1/24", addressRange: "10.1.1.0/25" },
    "no matching subnet for range 10.1.1.0/25: the bridge has 10.1.0.1/24",
  ],
  [{ addressRange6: "10.0.0.0/24" }, "invalid CIDR address: 10.0.0.0/24"],
  [{ bridgeAddress6: "fd00::1" }, "invalid CIDR address: fd00::1"],
  [
    { bridgeAddress6: "fd00:1::1/64", addressRange6: "fd00:2::/80" },
    "no matching subnet for range fd00:2::/80: the bridge has fd00:1::1/64",
  ],
  [{ gateway: "x" }, "invalid IP address: x"],
  [{ gateway6: "fd00::1/64" }, "invalid IP address: fd00::1/64"],
  [{ hostGateway: "host" }, "invalid IP address: host"],
  [{ bridgeAddress: "10.9.0.1/24", gateway: "10.8.0.5" }, outside("IPv4:10.8.0.5", "10.9.0.0/24")],
  [{ addressRange6: "fd00:1::/64", gateway6: "fd00:2::5" }, outside("IPv6:fd00:2::5", "fd00:1::/64")],
  [
    { options: { "com.docker.network.driver.mtu": "many" } },
    'failed to parse com.docker.network.driver.mtu value: many (strconv.Atoi: parsing "many": invalid syntax)',
  ],
] as const satisfies readonly (readonly [NetworkDefaults, string])[]) {
  test(`${message} is refused`, async () => {
    using directory = scratch("defaults");
    const options = { directory: join(directory.path, "root"), lock: join(directory.path, "lock") };
    await assert.rejects(openNetworking({ ...options, defaults }), { kind: "invalid", message });
  });
}

test("pools, the default network's address and its MTU", { skip: unlessBridges }, async () => {
  await using machine = await testMachine();
  const connect = async (networking: typeof machine.networking, network: string, name: string) => {
    const containerId = name.padEnd(64, "0");
    const namespace = machine.container(name);
    return networking.endpoints.connect({ network, containerId, containerName: name, namespace });
  };
  const first = await connect(machine.networking, "bridge", "a");
  const defaults = { bridgeAddress: "10.61.0.1/24", mtu: 1400, pools: [{ base: "10.62.0.0/16", size: 24 }] };
  // Somebody is in it: it stays as it is.
  const { endpoints } = await openNetworking({ ...machine.options, defaults });
  assert.equal(endpoints.list()[0]?.ipv4.address, first.ipv4.address);
  await endpoints.disconnect(first.id);
  const renewed = await openNetworking({ ...machine.options, defaults });
  const second = await connect(renewed, "bridge", "b");
  assert.deepEqual(second.ipv4, { address: "10.61.0.2", prefix: 24, gateway: "10.61.0.1" });
  assert.match(await machine.inside(second.namespace, "ip", "link", "show", "eth0"), / mtu 1400 /);
  const own = await renewed.networks.create({ name: "own" });
  assert.deepEqual(own.ipam.config, [{ subnet: "10.62.0.0/24", gateway: "10.62.0.1" }]);
  const stored = readFileSync(join(machine.options.directory, "networks.json"), "utf8");
  // Opened with the same defaults once more, nothing changes.
  await openNetworking({ ...machine.options, defaults });
  assert.equal(readFileSync(join(machine.options.directory, "networks.json"), "utf8"), stored);
  await renewed.endpoints.disconnect(second.id);
  // Apart from each other, and with addresses of a part of the subnet.
  const apart = { ...defaults, icc: false, addressRange: "10.61.0.129/25", publishAddress: "127.0.0.1" };
  const strict = await openNetworking({ ...machine.options, defaults: apart });
  const { options } = strict.networks.inspect("bridge");
  assert.equal(options["com.docker.network.bridge.enable_icc"], "false");
  assert.equal(options["com.docker.network.bridge.host_binding_ipv4"], "127.0.0.1");
  const third = await connect(strict, "bridge", "c");
  assert.match(third.ipv4.address, /^10\.61\.0\.1[23]\d$/);
  await strict.endpoints.disconnect(third.id);
  await renewed.networks.remove("own");
  assert.equal(machine.traces(), "");
});

test("IPv6 in the default network, and other ways out of it", { skip: unlessBridges }, async () => {
  await using machine = await testMachine();
  const defaults: NetworkDefaults = {
    bridgeAddress: "10.61.0.1/24",
    gateway: "10.61.0.9",
    ipv6: true,
    addressRange6: "fd00:61::/64",
    gateway6: "fd00:61::5",
    masquerade: false,
    options: { "com.docker.network.driver.mtu": "1280" },
  };
  const { networks, endpoints } = await openNetworking({ ...machine.options, defaults });
  const definition = networks.inspect("bridge");
  // As dockerd shows it.
  assert.deepEqual(definition.ipam.config, [
    { subnet: "10.61.0.0/24", gateway: "10.61.0.1", auxAddresses: { DefaultGatewayIPv4: "10.61.0.9" } },
    { subnet: "fd00:61::/64", auxAddresses: { DefaultGatewayIPv6: "fd00:61::5" } },
  ]);
  assert.equal(definition.enableIPv6, true);
  assert.equal(definition.options["com.docker.network.bridge.enable_ip_masquerade"], "false");
  const request = { network: "bridge", containerId: "a".repeat(64), containerName: "a" };
  const { id, namespace, ...endpoint } = await endpoints.connect({
    ...request,
    namespace: machine.container("a"),
  });
  assert.deepEqual(endpoint.ipv4, { address: "10.61.0.2", prefix: 24, gateway: "10.61.0.9" });
  assert.deepEqual(endpoint.ipv6, { address: "fd00:61::2", prefix: 64, gateway: "fd00:61::5" });
  assert.match(await machine.inside(namespace, "ip", "route"), /^default via 10\.61\.0\.9 dev eth0/m);
  assert.match(await machine.inside(namespace, "ip", "-6", "route"), /^default via fd00:61::5 dev eth0/m);
  assert.match(await machine.inside(namespace, "ping", "-6", "-c1", "fd00:61::1"), /1 packets received/);
  assert.equal(networks.hostAddress("bridge"), "10.61.0.1");
  const own = await networks.create({
    name: "own",
    options: { "com.docker.network.bridge.enable_icc": "0" },
  });
  assert.deepEqual(own.options, {
    "com.docker.network.driver.mtu": "1280",
    "com.docker.network.bridge.enable_icc": "0",
  });
  await networks.remove("own");
  await endpoints.disconnect(id);
  // Other programs on the root leave a daemon's network alone, and so does a daemon of the same mind.
  for (const others of [{}, { defaults }]) {
    const other = await openNetworking({ ...machine.options, ...others });
    assert.deepEqual(other.networks.inspect("bridge"), definition);
  }
  const wrong = openNetworking({ ...machine.options, defaults: { gateway: "10.8.0.5" } });
  await assert.rejects(wrong, { kind: "invalid", message: outside("IPv4:10.8.0.5", "172.17.0.0/16") });
  const plain = await openNetworking({ ...machine.options, defaults: { hostGateway: "192.0.2.9" } });
  assert.equal(plain.networks.inspect("bridge").enableIPv6, false);
  assert.equal(plain.networks.hostAddress("bridge"), "192.0.2.9");
  const again = await plain.endpoints.connect({ ...request, namespace });
  assert.deepEqual(
    [again.ipv4.gateway, again.ipv6],
    [plain.networks.inspect("bridge").ipam.config[0]?.gateway, undefined],
  );
  await plain.endpoints.disconnect(again.id);
  assert.equal(machine.traces(), "");
});

test(
  "an IPv6 subnet that nobody names is chosen; one without IPv6 is only kept",
  { skip: unlessBridges },
  async () => {
    await using machine = await testMachine();
    const chosen = await openNetworking({ ...machine.options, defaults: { ipv6: true } });
    assert.match(chosen.networks.inspect("bridge").ipam.config[1]?.subnet ?? "", /^fd.*::\/64$/);
    const kept = await openNetworking({ ...machine.options, defaults: { bridgeAddress6: "fd00:5::1/64" } });
    const { enableIPv6, ipam } = kept.networks.inspect("bridge");
    assert.equal(enableIPv6, false);
    assert.deepEqual(ipam.config[1], { subnet: "fd00:5::/64", gateway: "fd00:5::1" });
  },
);

test("a network's own DefaultGatewayIPv4 leads out of it", { skip: unlessBridges }, async () => {
  await using machine = await testMachine();
  const { networks, endpoints } = machine.networking;
  const config = [{ subnet: "10.5.0.0/24", auxAddresses: { DefaultGatewayIPv4: "10.5.0.9" } }];
  await networks.create({ name: "own", ipam: { config } });
  const namespace = machine.container("a");
  const request = { network: "own", containerId: "a".repeat(64), containerName: "a", namespace };
  const { id, ipv4 } = await endpoints.connect(request);
  assert.equal(ipv4.gateway, "10.5.0.9");
  assert.match(await machine.inside(namespace, "ip", "route"), /^default via 10\.5\.0\.9 dev eth0/m);
  assert.equal(networks.hostAddress("own"), "10.5.0.1");
  await endpoints.disconnect(id);
});
