/** What the operator decides for all networks. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { testMachine, unlessBridges } from "../../test/suites/network_fixture.ts";
import { scratch } from "../../test/suites/scratch.ts";
import { openNetworking } from "./open_networking.ts";
import type { NetworkDefaults } from "./network_defaults.ts";

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
