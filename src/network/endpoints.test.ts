import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { createServer } from "node:net";
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { join } from "node:path";
import { test } from "node:test";
import { type TestMachine, testMachine, unlessBridges } from "../../test/suites/network_fixture.ts";
import { isFailure } from "../errors.ts";
import { inNetworkNamespace, removeNetworkNamespace } from "../sys/index.ts";
import type { ConnectRequest, Endpoint } from "./types.ts";

const skip = unlessBridges;

/** Connects a container that is named after its namespace. */
async function connect(
  machine: TestMachine,
  network: string,
  name: string,
  more: Partial<ConnectRequest> = {},
): Promise<Endpoint> {
  const namespace = join(machine.path, name);
  return machine.networking.endpoints.connect({
    network,
    containerId: Buffer.from(name).toString("hex").padEnd(64, "0"),
    containerName: name,
    namespace,
    ...more,
  });
}

function resolved(
  machine: TestMachine,
  from: Endpoint,
  name: string,
  server = from.ipv4.gateway ?? "",
): Promise<string> {
  return machine.inside(from.namespace, "nslookup", "-type=a", name, server);
}

test(
  "B180 two containers talk by address, name, alias and id; disconnected live, they do not",
  { skip },
  async () => {
    await using machine = await testMachine();
    const { networks, endpoints } = machine.networking;
    await networks.create({ name: "net" });
    for (const name of ["web", "client"]) machine.container(name);
    const web = await connect(machine, "net", "web", { aliases: ["www"] });
    const client = await connect(machine, "net", "client");
    await machine.serve(web.namespace, 80, "hello");
    assert.equal(await machine.inside(client.namespace, "nc", web.ipv4.address, "80"), "hello");
    for (const name of ["web", "www", web.containerId.slice(0, 12), "web.net", "www.net"])
      assert.match(await resolved(machine, client, name), new RegExp(`Address.*${web.ipv4.address}\n`), name);
    assert.deepEqual(endpoints.resolvers(client.containerId), {
      nameservers: [client.ipv4.gateway],
      options: ["ndots:0"],
    });
    await endpoints.rename(web.containerId, "renamed");
    assert.equal(endpoints.list().find(({ id }) => id === web.id)?.containerName, "renamed");
    assert.match(await resolved(machine, client, "renamed"), new RegExp(web.ipv4.address));

    await endpoints.disconnect(web.id);
    await endpoints.disconnect(web.id);
    assert.doesNotMatch(
      inNetworkNamespace(web.namespace, () => readFileSync("/proc/thread-self/net/dev", "latin1")),
      /eth0/,
    );
    assert.equal(await machine.inside(client.namespace, "nc", "-w", "1", web.ipv4.address, "80"), "");
    assert.equal(await resolved(machine, client, "www"), "");
    await endpoints.disconnect(client.id);
    assert.equal(machine.traces(), "");
    assert.deepEqual(endpoints.list(), []);
  },
);

test(
  "B180 a published port answers on the host's addresses, to the world, and no more when it is gone",
  { skip },
  async () => {
    await using machine = await testMachine();
    const { endpoints } = machine.networking;
    const world = await machine.world();
    machine.container("web");
    machine.container("other");
    const web = await connect(machine, "bridge", "web", {
      ports: [
        { containerPort: 80, protocol: "tcp", hostPort: 8080 },
        { containerPort: 80, protocol: "tcp", hostIp: "127.0.0.1" },
        { containerPort: 53, protocol: "udp", hostPort: { first: 9000, last: 9001 } },
      ],
    });
    const [, local, range] = web.ports;
    assert.equal(endpoints.resolvers(web.containerId), undefined);
    assert.equal(range?.hostPort, 9000);
    await machine.serve(web.namespace, 80, "hello");
    assert.equal(await machine.hear("127.0.0.1", 8080), "hello");
    assert.equal(await machine.hear("198.51.100.1", 8080), "hello");
    assert.equal(await machine.hear("127.0.0.1", local?.hostPort ?? 0), "hello");
    assert.equal(await machine.inside(world.namespace, "nc", "198.51.100.1", "8080"), "hello");
    assert.equal(
      await machine.inside(world.namespace, "nc", "-w", "1", "198.51.100.1", String(local?.hostPort)),
      "",
    );
    assert.equal(await machine.inside(web.namespace, "nc", "198.51.100.1", "8080"), "hello", "from itself");

    assert.equal(await echoed(web.namespace, 9000), "hello");

    const again = connect(machine, "bridge", "other", {
      ports: [{ containerPort: 81, protocol: "tcp", hostIp: "127.0.0.1", hostPort: 8080 }],
    });
    await assert.rejects(again, (error) => {
      assert.ok(isFailure(error, "conflict"));
      assert.match(
        error.message,
        /^driver failed programming external connectivity on endpoint other \([0-9a-f]{64}\): Bind for 127\.0\.0\.1:8080 failed: port is already allocated$/,
      );
      return true;
    });
    await endpoints.disconnect(web.id);
    assert.equal(await machine.hear("127.0.0.1", 8080), "");
    assert.equal(machine.traces(), "");
  },
);

/** What comes back from port 53 of a namespace over a published port of the host, by UDP. */
async function echoed(namespace: string, hostPort: number): Promise<string> {
  // The lookup answers at once, so that the socket is made inside.
  const lookup = (
    address: string,
    _: unknown,
    done: (error: null, address: string, family: number) => void,
  ): void => done(null, address, 4);
  const server = inNetworkNamespace(namespace, () =>
    createSocket({ type: "udp4", lookup }).bind(53, "0.0.0.0"),
  );
  server.on("message", (message, from) => server.send(message, from.port, from.address));
  const client = createSocket("udp4");
  try {
    client.send("hello", hostPort, "127.0.0.1");
    const [message] = (await once(client, "message", { signal: AbortSignal.timeout(10_000) })) as [Buffer];
    return message.toString();
  } finally {
    client.close();
    server.close();
  }
}

test("a port that a program of the host has is refused, with Docker's words", { skip }, async () => {
  await using machine = await testMachine();
  const server = createServer().listen(8080);
  await once(server, "listening");
  machine.container("web");
  try {
    await assert.rejects(
      connect(machine, "bridge", "web", { ports: [{ containerPort: 80, protocol: "tcp", hostPort: 8080 }] }),
      /Error starting userland proxy: listen tcp4 0\.0\.0\.0:8080: bind: address already in use$/,
    );
    await assert.rejects(
      connect(machine, "bridge", "web", {
        ports: [{ containerPort: 80, protocol: "tcp", hostPort: 8081, hostIp: "203.0.113.9" }],
      }),
      /listen tcp4 203\.0\.113\.9:8081: bind: cannot assign requested address$/,
    );
  } finally {
    server.close();
  }
  assert.deepEqual(machine.networking.endpoints.list(), []);
});

test(
  "a network leads out, an internal one does not, and no network leads into another",
  { skip },
  async () => {
    await using machine = await testMachine();
    const { networks } = machine.networking;
    const world = await machine.world();
    await machine.serve(world.namespace, 80, "world");
    await networks.create({ name: "open" });
    await networks.create({ name: "closed", internal: true });
    for (const name of ["free", "held", "near"]) machine.container(name);
    const free = await connect(machine, "open", "free");
    const held = await connect(machine, "closed", "held");
    const near = await connect(machine, "bridge", "near");
    assert.equal(await machine.inside(free.namespace, "nc", world.address, "80"), "world");
    assert.equal(held.ipv4.gateway, undefined);
    assert.equal(await machine.inside(held.namespace, "nc", "-w", "1", world.address, "80"), "");
    assert.doesNotMatch(await machine.inside(held.namespace, "ip", "route"), /default/);
    const gateway = networks.inspect("closed").ipam.config[0]?.gateway;
    assert.match(
      await resolved(machine, held, "held", gateway),
      new RegExp(held.ipv4.address),
      "names work inside",
    );

    await machine.serve(near.namespace, 80, "near");
    const probe = (): Promise<string> =>
      machine.inside(free.namespace, "nc", "-w", "1", near.ipv4.address, "80");
    assert.equal(await probe(), "");
    await networks.create({ name: "brief" });
    machine.container("guest");
    const guest = await connect(machine, "brief", "guest");
    await machine.networking.endpoints.disconnect(guest.id);
    await networks.remove("brief");
    assert.equal(await probe(), "", "the end of one network does not open the others");
  },
);

test(
  "a container in two networks: the first is the way out, and the second when that is left",
  { skip },
  async () => {
    await using machine = await testMachine();
    const { networks, endpoints } = machine.networking;
    const world = await machine.world();
    await machine.serve(world.namespace, 80, "world");
    await networks.create({ name: "two", ipam: { config: [{ subnet: "10.77.0.0/24" }] } });
    const namespace = machine.container("both");
    const ports = [{ containerPort: 80, protocol: "tcp", hostPort: 8080 }] as const;
    const one = await connect(machine, "bridge", "both", { ports });
    const two = await connect(machine, "two", "both", { ports, ipv4Address: "10.77.0.9" });
    assert.deepEqual([one.interfaceName, two.interfaceName, two.ipv4.address], ["eth0", "eth1", "10.77.0.9"]);
    await machine.serve(namespace, 80, "hello");
    assert.equal(await machine.hear("127.0.0.1", 8080), "hello");
    await assert.rejects(
      connect(machine, "two", "both"),
      /^Failure: endpoint with name both already exists in network two$/,
    );
    await endpoints.disconnect(one.id);
    assert.equal(await machine.inside(namespace, "nc", world.address, "80"), "world");
    assert.equal(await machine.hear("127.0.0.1", 8080), "hello", "published by what is left");
    await endpoints.disconnect(two.id);
    assert.equal(machine.traces(), "");
  },
);

test("IPv6, mtu, and enable_icc=false", { skip }, async () => {
  await using machine = await testMachine();
  const { networks } = machine.networking;
  await networks.create({
    name: "apart",
    enableIPv6: true,
    options: {
      "com.docker.network.bridge.name": "apart0",
      "com.docker.network.bridge.enable_icc": "false",
      "com.docker.network.driver.mtu": "1400",
    },
  });
  for (const name of ["web", "client"]) machine.container(name);
  const web = await connect(machine, "apart", "web");
  const client = await connect(machine, "apart", "client");
  await machine.serve(web.namespace, 80, "hello");
  assert.match(web.ipv6?.address ?? "", /^fd.*::2$/);
  assert.equal(await machine.hear(web.ipv6?.address ?? "", 80), "hello", "by the host");
  assert.equal(await machine.inside(client.namespace, "nc", "-w", "1", web.ipv4.address, "80"), "");
  assert.match(await machine.inside(client.namespace, "ip", "link", "show", "eth0"), /mtu 1400/);
});

test("names from outside come from the resolvers that the container was given", { skip }, async () => {
  await using machine = await testMachine();
  await machine.networking.networks.create({ name: "net" });
  machine.container("web");
  const web = await connect(machine, "net", "web", { dns: ["127.0.0.1"] });
  const server = createSocket("udp4").bind(53, "127.0.0.1");
  await once(server, "listening");
  // The question, and an answer of 192.0.2.7 that points to its name.
  const tail = Buffer.from("c00c00010001000000000004c0000207", "hex");
  server.on("message", (question, from) => {
    const head = Buffer.from(question.subarray(0, 12));
    head.writeUInt16BE(0x8180, 2);
    head.writeUInt16BE(1, 6);
    head.writeUInt32BE(0, 8);
    const end = question.indexOf(0, 12) + 5;
    server.send(Buffer.concat([head, question.subarray(12, end), tail]), from.port, from.address);
  });
  try {
    assert.match(await resolved(machine, web, "outside.example.com"), /192\.0\.2\.7/);
  } finally {
    server.close();
  }
});

test(
  "a namespace that is gone, and a name server that was killed, are cleared away all the same",
  { skip },
  async () => {
    await using machine = await testMachine();
    const { networks, endpoints } = machine.networking;
    await networks.create({ name: "net" });
    for (const name of ["web", "other"]) machine.container(name);
    const web = await connect(machine, "net", "web", {
      ports: [{ containerPort: 80, protocol: "tcp", hostPort: 8080 }],
    });
    const other = await connect(machine, "net", "other");
    removeNetworkNamespace(web.namespace);
    const pid = Number(
      readFileSync(join(machine.options.directory, "netavark/aardvark-dns/aardvark.pid"), "latin1"),
    );
    process.kill(pid, "SIGKILL");
    assert.deepEqual(await endpoints.reconcile(({ id }) => id !== web.id), [web.id]);
    assert.doesNotMatch(machine.traces(), /8080|dnat/);
    assert.equal(await resolved(machine, other, "web"), "");
    assert.match(
      await resolved(machine, other, "other"),
      new RegExp(other.ipv4.address),
      "a new one answers",
    );
  },
);

test(
  "without netavark there is a failure that names the package, and nothing on record",
  { skip },
  async () => {
    await using machine = await testMachine();
    const { openNetworking } = await import("./open_networking.ts");
    const { networks, endpoints } = await openNetworking({
      ...machine.options,
      netavark: "/nowhere/netavark",
    });
    const namespace = machine.container("web");
    const request = { network: "bridge", containerId: "f".repeat(64), containerName: "web", namespace };
    await assert.rejects(
      endpoints.connect(request),
      (error) =>
        isFailure(error, "unavailable") &&
        /\/nowhere\/netavark/.test(error.message) &&
        error.hint !== undefined,
    );
    assert.deepEqual(endpoints.list(), []);
    assert.equal(networks.list().length, 3);
  },
);

test("where IPv6 is off there are no addresses and no way out by it", { skip }, async () => {
  await using machine = await testMachine();
  await machine.networking.networks.create({ name: "net", enableIPv6: true });
  for (const [index, name] of ["all", "IFNAME", "eth0", "eth1"].entries()) {
    machine.container(`c${index}`);
    const sysctls = { [`net.ipv6.conf.${name}.disable_ipv6`]: "1" };
    const { ipv6, namespace } = await connect(machine, "net", `c${index}`, { sysctls });
    assert.equal(ipv6 !== undefined, name === "eth1", name);
    const routes = await machine.inside(namespace, "ip", "-6", "route", "show", "default");
    assert.equal(routes.includes("default via"), name === "eth1", name);
  }
});

test("B180 link-local addresses are had besides, and reached from the network", { skip }, async () => {
  await using machine = await testMachine();
  await machine.networking.networks.create({ name: "net", enableIPv6: true });
  await machine.networking.networks.create({ name: "old" });
  for (const name of ["one", "other"]) machine.container(name);
  const linkLocalIps = ["169.254.7.7", "fe80::254:77"];
  const one = await connect(machine, "net", "one", { linkLocalIps });
  await connect(machine, "net", "other", { linkLocalIps: ["169.254.8.8"] });
  await machine.serve(one.namespace, 80, "hello");
  const address = await machine.inside(one.namespace, "ip", "-o", "addr", "show", "dev", "eth0");
  assert.match(address, /169\.254\.7\.7\/16/);
  assert.match(address, /fe80::254:77\/64/);
  assert.equal(await machine.inside(join(machine.path, "other"), "nc", "169.254.7.7", "80"), "hello");
  for (const [address, message] of [
    ["169.253.5.5", "invalid link local IP address: 169.253.5.5"],
    ["2001:db8::89", "invalid link local IP address: 2001:db8::89"],
    ["fe80::1", "link local IP address fe80::1 needs a network with IPv6"],
  ] as const)
    await assert.rejects(connect(machine, "old", "one", { linkLocalIps: [address] }), { message });
});
