/** Ports and routes where netavark and Docker differ. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { join } from "node:path";
import { test } from "node:test";
import { type TestMachine, testMachine, unlessBridges } from "../../test/suites/network_fixture.ts";
import { openNetworking } from "./open_networking.ts";
import type { ConnectRequest, Endpoint } from "./types.ts";

const skip = unlessBridges;

function connect(
  { path, networking }: Pick<TestMachine, "path" | "networking">,
  network: string,
  name: string,
  more: Partial<ConnectRequest> = {},
): Promise<Endpoint> {
  const containerId = Buffer.from(name).toString("hex").padEnd(64, "0");
  return networking.endpoints.connect({
    network,
    containerId,
    containerName: name,
    namespace: join(path, name),
    ...more,
  });
}

const ports = [{ containerPort: 80, protocol: "tcp", hostPort: 8080 }] as const;

test(
  "B180 a published port answers containers of other networks by every address of the host, after a flush too",
  { skip },
  async () => {
    await using machine = await testMachine();
    const { networks, endpoints } = machine.networking;
    await networks.create({ name: "closed", internal: true });
    for (const name of ["web", "near", "other", "held"]) machine.container(name);
    await machine.world();
    const web = await connect(machine, "bridge", "web", { ports });
    const near = await connect(machine, "bridge", "near");
    await machine.serve(web.namespace, 80, "hello");
    // netavark puts the rule that keeps networks apart ahead of all that is there.
    await networks.create({ name: "net" });
    const other = await connect(machine, "net", "other");
    const held = await connect(machine, "closed", "held");
    const ask = ({ namespace }: Endpoint, address: string, port: string): Promise<string> =>
      machine.inside(namespace, "nc", "-w", "2", address, port);
    const gateways = [web.ipv4.gateway ?? "", other.ipv4.gateway ?? "", "198.51.100.1"];
    for (const from of [other, near, web])
      for (const address of gateways) assert.equal(await ask(from, address, "8080"), "hello", address);
    assert.equal(await ask(other, web.ipv4.address, "80"), "", "not by its own address");
    assert.equal(await ask(held, gateways[0] ?? "", "8080"), "");

    for (const table of ["nat", "filter"]) execFileSync("iptables", ["-t", table, "-F"]);
    assert.equal(await ask(other, "198.51.100.1", "8080"), "");
    await endpoints.reconcile(() => true);
    assert.equal(await machine.hear("198.51.100.1", 8080), "hello");
    execFileSync("iptables", ["-t", "nat", "-F", "PREROUTING"]);
    const again = await connect(machine, "net", "near", { ports: [{ ...ports[0], hostPort: 8081 }] });
    assert.equal(await ask(other, "198.51.100.1", "8080"), "hello", "the next change finds out");
    for (const { id } of [web, near, other, held, again]) await endpoints.disconnect(id);
    const jumps = execFileSync("iptables-save", { encoding: "latin1" }).match(/-A [A-Z]+ .*-j VARVE.*/g);
    assert.equal(new Set(jumps).size, 5);
    assert.equal(jumps?.length, 5, "none twice");
    assert.equal(machine.traces(), "");
  },
);

test(
  "with somebody who passes on, a port answers on [::1], and is kept over networks",
  { skip },
  async () => {
    await using machine = await testMachine();
    using networking = await openNetworking({ ...machine.options, relays: true });
    const here = { path: machine.path, networking };
    await networking.networks.create({ name: "net" });
    machine.container("web");
    const any = [{ containerPort: 80, protocol: "tcp" }] as const;
    const web = await connect(here, "net", "web", { ports: any });
    const [{ hostPort } = { hostPort: 0 }] = web.ports;
    assert.deepEqual(
      web.ports.map(({ hostIp }) => hostIp),
      ["0.0.0.0", "::"],
    );
    await machine.serve(web.namespace, 80, "hello");
    assert.equal(await machine.hear("::1", hostPort), "hello");
    const also = await connect(here, "bridge", "web", { ports: any });
    assert.deepEqual(also.ports, web.ports);
    for (const address of ["::1", "127.0.0.1"]) assert.equal(await machine.hear(address, hostPort), "hello");
    await networking.endpoints.disconnect(also.id);
    assert.equal(await machine.hear("::1", hostPort), "hello");
    await networking.endpoints.disconnect(web.id);
    assert.equal(await machine.hear("::1", hostPort), "");
  },
);

test("one default route: by priority, then by name; an internal network has none", { skip }, async () => {
  await using machine = await testMachine();
  const { networks, endpoints } = machine.networking;
  for (const name of ["b", "a", "c"])
    await networks.create({ name, ipam: { config: [{ subnet: `10.7${name.charCodeAt(0) % 10}.0.0/24` }] } });
  await networks.create({ name: "0", internal: true });
  machine.container("web");
  const way = (): Promise<string> =>
    machine.inside(join(machine.path, "web"), "sh", "-c", "ip route | grep default");
  await connect(machine, "0", "web");
  assert.equal(await way(), "");
  const b = await connect(machine, "b", "web");
  assert.equal(await way(), `default via ${b.ipv4.gateway} dev eth1 \n`);
  const a = await connect(machine, "a", "web");
  assert.equal(await way(), `default via ${a.ipv4.gateway} dev eth2 \n`);
  const c = await connect(machine, "c", "web", { gatewayPriority: 5 });
  assert.equal(await way(), `default via ${c.ipv4.gateway} dev eth3 \n`);
  assert.equal(endpoints.of(c.containerId)[0]?.id, c.id);
  await endpoints.disconnect(c.id);
  assert.equal(await way(), `default via ${a.ipv4.gateway} dev eth2 \n`);
});

test("a network without masquerading, and with interfaces of another name", { skip }, async () => {
  await using machine = await testMachine();
  const { networks, endpoints } = machine.networking;
  const options = {
    "com.docker.network.bridge.enable_ip_masquerade": "false",
    "com.docker.network.container_iface_prefix": "lan",
  };
  await networks.create({ name: "plain", options });
  const world = await machine.world();
  await machine.serve(world.namespace, 80, "world");
  machine.container("web");
  const web = await connect(machine, "plain", "web");
  assert.equal(web.interfaceName, "lan0");
  // It does not know the way back.
  assert.equal(await machine.inside(web.namespace, "nc", "-w", "1", world.address, "80"), "");
  await machine.inside(world.namespace, "ip", "route", "add", "default", "via", "198.51.100.1");
  assert.equal(await machine.inside(web.namespace, "nc", world.address, "80"), "world");
  await endpoints.disconnect(web.id);
  await networks.remove("plain");
  assert.doesNotMatch(execFileSync("iptables-save", { encoding: "latin1" }), /-A VARVE-SOURCES/);
});
