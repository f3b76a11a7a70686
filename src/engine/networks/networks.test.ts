/** Containers in networks: by the Engine API, on a machine of their own. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { after, afterEach, before, suite, test } from "node:test";
import {
  cannotConnect,
  networkedDaemon,
  type NetworkedDaemon,
} from "../../../test/support/networked_daemon.ts";

const forever = "while :; do sleep 1; done";
const server = "while :; do echo hello | nc -l -p 80; done";

interface Ipam {
  readonly IPAM: { readonly Options: object | null };
}

suite("B180 networks of containers", { skip: cannotConnect }, () => {
  let net: NetworkedDaemon;
  before(async () => void (net = await networkedDaemon()));
  after(() => net[Symbol.asyncDispose]());
  afterEach(async () => {
    for (const { Id } of (await net.host.ask("/containers/json?all=1")).json<{ Id: string }[]>())
      await net.host.expect(204, "DELETE", `/containers/${Id}?force=1`);
    await net.host.expect(200, "POST", "/networks/prune");
    assert.equal(net.leftovers(), "");
    assert.deepEqual(net.host.warnings, []);
  });

  const run = (script: string, HostConfig: object, name: string, more: object = {}): Promise<string> =>
    net.host.run(script, { ...more, HostConfig }, name);
  const create = (Name: string, more: object = {}): Promise<unknown> =>
    net.host.expect(201, "POST", "/networks/create", { Name, ...more });
  const exitOf = async (id: string): Promise<number> =>
    (await net.host.expect(200, "POST", `/containers/${id}/wait`)).json<{ StatusCode: number }>().StatusCode;

  test("B180 containers of a network talk by name, and the host to a published port", async () => {
    await create("talk");
    const web = await run(
      server,
      { NetworkMode: "talk", PortBindings: { "80/tcp": [{ HostIp: "", HostPort: "" }] } },
      "web",
      { ExposedPorts: { "80/tcp": {}, "81/udp": {} }, Hostname: "box" },
    );
    for (const name of ["web", "box"]) {
      const ask = `until nc ${name} 80 </dev/null | grep hello; do sleep 0.05; done`;
      assert.equal(await exitOf(await run(ask, { NetworkMode: "talk" }, `${name}-asker`)), 0);
    }
    const { NetworkSettings: settings } = await net.inspect(web);
    const [binding] = settings.Ports["80/tcp"] ?? [];
    assert.equal(binding?.HostIp, "0.0.0.0");
    assert.equal(settings.Ports["81/udp"], null);
    assert.equal(await net.hear(Number(binding?.HostPort)), "hello\n");
    // The daemon passes on what comes by IPv6, which the container has not.
    assert.deepEqual(settings.Ports["80/tcp"]?.[1], { ...binding, HostIp: "::" });
    let byIpv6 = "";
    while (byIpv6 === "") byIpv6 = await net.machine.hear("::1", Number(binding?.HostPort));
    assert.equal(byIpv6, "hello\n");
    const shown = (await net.host.expect(200, "GET", "/networks/talk")).json<{ Containers: object }>();
    const { EndpointID, MacAddress, IPAddress, IPPrefixLen, Aliases } = settings.Networks["talk"] ?? {};
    const IPv4Address = `${IPAddress as string}/${IPPrefixLen as number}`;
    const place = { Name: "web", EndpointID, MacAddress, IPv4Address, IPv6Address: "" };
    assert.deepEqual(shown.Containers, { [web]: place });
    assert.deepEqual(Aliases, [web.slice(0, 12), "box"]);
    assert.match(
      readFileSync((await net.inspect(web)).HostsPath, "utf8"),
      new RegExp(`\n${IPAddress as string}\t`),
    );
  });

  test("B180 what only swarms have, and a name that is in no network, in Docker's words", async () => {
    const refused = async (status: number, path: string, body: object): Promise<string> =>
      (await net.host.expect(status, "POST", path, body)).json<{ message: string }>().message;
    for (const asked of [{ Driver: "overlay" }, { Scope: "elsewhere" }])
      assert.match(
        await refused(503, "/networks/create", { Name: "x", ...asked }),
        /^This node is not a swarm manager/,
      );
    const gone = { Container: "nobody", Force: true };
    assert.equal(await refused(404, "/networks/bridge/disconnect", gone), "endpoint nobody not found");
  });

  test("B180 options of the addresses' driver: none are null, an empty list is one", async () => {
    for (const [name, IPAM, shown] of [
      ["silent", undefined, null],
      ["naught", { Options: null }, null],
      ["empty", { Options: {} }, {}],
      ["some", { Options: { a: "b" } }, { a: "b" }],
    ] as const) {
      await create(name, { IPAM });
      const { IPAM: own } = (await net.host.expect(200, "GET", `/networks/${name}`)).json<Ipam>();
      assert.deepEqual(own.Options, shown, name);
    }
    const { IPAM } = (await net.host.expect(200, "GET", "/networks/bridge")).json<Ipam>();
    assert.equal(IPAM.Options, null);
  });

  test("B180 a container that runs is connected and disconnected", async () => {
    await create("later", { IPAM: { Config: [{ Subnet: "10.88.0.0/24" }] } });
    const id = await run(forever, { NetworkMode: "bridge" }, "late");
    const files = await net.inspect(id);
    const before = [readFileSync(files.HostsPath, "utf8"), readFileSync(files.ResolvConfPath, "utf8")];
    const EndpointConfig = { IPAMConfig: { IPv4Address: "10.88.0.77" }, Aliases: ["other"] };
    await net.host.expect(200, "POST", "/networks/later/connect", { Container: "late", EndpointConfig });
    assert.match(await net.inside(id, "ip", "-o", "-4", "addr"), /eth1 +inet 10\.88\.0\.77\/24/);
    assert.match(readFileSync(files.HostsPath, "utf8"), /\n10\.88\.0\.77\t/);
    assert.equal(readFileSync(files.ResolvConfPath, "utf8"), "nameserver 10.88.0.1\noptions ndots:0\n");
    assert.equal(
      await exitOf(
        await run(
          "until nslookup other | grep 10.88.0.77; do sleep 0.05; done",
          { NetworkMode: "later" },
          "",
        ),
      ),
      0,
    );
    const again = await net.host.expect(403, "POST", "/networks/later/connect", { Container: "late" });
    assert.match(again.text, /endpoint with name late already exists in network later/);
    const inUse = await net.host.expect(403, "DELETE", "/networks/later");
    assert.match(
      inUse.text,
      /error while removing network: network later id [0-9a-f]{64} has active endpoints/,
    );
    await net.host.expect(200, "POST", "/networks/later/disconnect", { Container: "late" });
    assert.doesNotMatch(await net.inside(id, "ip", "-o", "-4", "addr"), /eth1/);
    assert.deepEqual(
      [readFileSync(files.HostsPath, "utf8"), readFileSync(files.ResolvConfPath, "utf8")],
      before,
    );
    assert.deepEqual(Object.keys((await net.inspect(id)).NetworkSettings.Networks), ["bridge"]);
  });

  test("settings of interfaces are made when they are there", async () => {
    await create("tuned");
    const conf = "/proc/sys/net/ipv4/conf";
    const EndpointsConfig = {
      tuned: { DriverOpts: { "com.docker.network.endpoint.sysctls": "net.ipv4.conf.ifname.log_martians=1" } },
    };
    const id = await run(
      `cat ${conf}/eth0/forwarding ${conf}/eth0/log_martians ${conf}/lo/log_martians | xargs | grep -x "0 1 1"`,
      {
        NetworkMode: "tuned",
        Sysctls: { "net.ipv4.conf.eth0.forwarding": "0", "net.ipv4.conf.lo.log_martians": "1" },
      },
      "tuned",
      { NetworkingConfig: { EndpointsConfig } },
    );
    assert.equal(await exitOf(id), 0);
    for (const Sysctls of [
      { "net.ipv4.conf.eth1.forwarding": "1" },
      { "net.ipv4.conf.eth0.nonsense": "1" },
    ]) {
      const bad = await net.host.create({ Cmd: ["true"], HostConfig: { NetworkMode: "tuned", Sysctls } }, "");
      const { text } = await net.host.ask(`/containers/${bad}/start`, { method: "POST" });
      assert.match(text, /\/proc\/sys\/net\/ipv4\/conf\/eth\d\/[a-z]+/);
    }
  });

  test("B180 a container whose network is gone is taken off it, and starts", async () => {
    await create("passing");
    const id = await net.host.create(
      { Cmd: ["sh", "-c", forever], HostConfig: { NetworkMode: "passing" } },
      "stranded",
    );
    await net.host.expect(204, "DELETE", "/networks/passing");
    await net.host.expect(404, "POST", `/containers/${id}/start`);
    const stranded = { Container: "stranded" };
    await net.host.expect(200, "POST", "/networks/passing/disconnect", stranded);
    const again = await net.host.expect(500, "POST", "/networks/passing/disconnect", stranded);
    assert.match(again.text, /container [0-9a-f]{64} is not connected to the network passing/);
    await net.host.expect(200, "POST", "/networks/bridge/connect", stranded);
    await net.host.expect(204, "POST", `/containers/${id}/start`);
    await net.host.expect(404, "POST", "/networks/passing/disconnect", stranded);
    assert.deepEqual(Object.keys((await net.inspect(id)).NetworkSettings.Networks), ["bridge"]);
  });

  test("B180 a container that does not run is connected at its start", async () => {
    await create("first");
    await create("second");
    const id = await net.host.create(
      { Cmd: ["sh", "-c", forever], HostConfig: { NetworkMode: "first" } },
      "still",
    );
    await net.host.expect(200, "POST", "/networks/second/connect", { Container: "still" });
    await net.host.expect(200, "POST", "/networks/first/disconnect", { Container: "still" });
    await net.host.expect(204, "POST", `/containers/${id}/start`);
    const { Networks } = (await net.inspect(id)).NetworkSettings;
    assert.deepEqual(Object.keys(Networks), ["second"]);
    assert.match(await net.inside(id, "ip", "-o", "-4", "addr"), /eth0/);
    await net.host.expect(204, "POST", `/containers/${id}/stop?t=0`);
    const { second } = (await net.inspect(id)).NetworkSettings.Networks;
    assert.deepEqual([second?.["EndpointID"], second?.["IPAddress"], second?.["MacAddress"]], ["", "", ""]);
    assert.match(String(second?.["NetworkID"]), /^[0-9a-f]{64}$/);
  });

  test("B180 a start that fails leaves nothing", async () => {
    const PortBindings = { "80/tcp": [{ HostIp: "", HostPort: "4080" }] };
    await run(forever, { NetworkMode: "bridge", PortBindings }, "holder");
    const held = net.leftovers();
    const id = await net.host.create({ Cmd: ["true"], HostConfig: { PortBindings } }, "second");
    const refused = await net.host.expect(500, "POST", `/containers/${id}/start`);
    const text =
      /driver failed programming external connectivity on endpoint second \([0-9a-f]{64}\): Bind for 0\.0\.0\.0:4080 failed: port is already allocated/;
    assert.match(refused.text, text);
    assert.match((await net.inspect(id)).State.Error, text);
    const broken = await net.host.create({ Cmd: ["no-such-program"], HostConfig: {} }, "broken");
    assert.match(
      (await net.host.ask(`/containers/${broken}/start`, { method: "POST" })).text,
      /no-such-program/,
    );
    const lost = await net.host.create({ Cmd: ["true"], HostConfig: { NetworkMode: "gone" } }, "lost");
    assert.match(
      (await net.host.expect(404, "POST", `/containers/${lost}/start`)).text,
      /network gone not found/,
    );
    assert.equal(net.leftovers(), held);
  });

  test("B180 links, names of the host, resolvers and addresses of one's choice", async () => {
    const target = await run(forever, { NetworkMode: "bridge" }, "target");
    const own = await run(
      forever,
      {
        Links: ["target:db"],
        ExtraHosts: ["gate:host-gateway"],
        Dns: ["192.0.2.1"],
        DnsSearch: ["example.test"],
        DnsOptions: ["timeout:1"],
        NetworkMode: "default",
      },
      "linker",
      { Hostname: "me", Domainname: "example.test", MacAddress: "02:42:c0:00:02:99" },
    );
    const [there, here] = [await net.inspect(target), await net.inspect(own)];
    const hosts = readFileSync(here.HostsPath, "utf8").split("\n").slice(6);
    const { Gateway, MacAddress } = here.NetworkSettings.Networks["bridge"] ?? {};
    assert.deepEqual(hosts, [
      `${Gateway as string}\tgate`,
      `${there.NetworkSettings.IPAddress}\tdb ${target.slice(0, 12)} target`,
      `${here.NetworkSettings.IPAddress}\tme.example.test me`,
      "",
    ]);
    assert.equal(
      readFileSync(here.ResolvConfPath, "utf8"),
      "search example.test\nnameserver 192.0.2.1\noptions timeout:1\n",
    );
    assert.equal(MacAddress, "02:42:c0:00:02:99");
    await net.host.create({ Cmd: ["true"] }, "stopped");
    const unlinked = await net.host.create(
      { Cmd: ["true"], HostConfig: { Links: ["stopped:x"] } },
      "unlinked",
    );
    assert.match(
      (await net.host.expect(500, "POST", `/containers/${unlinked}/start`)).text,
      /Cannot link to a non running container: \/stopped AS \/unlinked\/x/,
    );
  });

  test("B180 a link of the default network follows its container to another name, and can be taken away", async () => {
    const target = await run(forever, { NetworkMode: "bridge" }, "before");
    const linker = await run(
      forever,
      { Links: ["before:db", "before:other"], NetworkMode: "bridge" },
      "follower",
    );
    await net.host.expect(204, "POST", "/containers/before/rename?name=after");
    const linksOf = async (): Promise<unknown> =>
      (await net.host.expect(200, "GET", `/containers/${linker}/json`)).json<{
        HostConfig: { Links: string[] | null };
      }>().HostConfig.Links;
    assert.deepEqual(await linksOf(), ["/after:/follower/db", "/after:/follower/other"]);
    await net.host.expect(204, "POST", `/containers/${linker}/restart?t=0`);
    const hosts = readFileSync((await net.inspect(linker)).HostsPath, "utf8");
    const { IPAddress } = (await net.inspect(target)).NetworkSettings;
    assert.ok(hosts.includes(`\n${IPAddress}\tdb ${target.slice(0, 12)} after\n`), hosts);
    await net.host.expect(204, "DELETE", "/containers/follower/db?link=1");
    assert.deepEqual(await linksOf(), ["/after:/follower/other"]);
    for (const [status, path] of [
      [404, "follower/db"],
      [404, "nobody/db"],
      [404, "nobody"],
      [409, "follower"],
    ] as const)
      await net.host.expect(status, "DELETE", `/containers/${path}?link=1`);
  });

  test("B180 a link in a network of names follows its container, whenever that starts and wherever it is", async () => {
    await create("late");
    const linker = await run(forever, { NetworkMode: "late", Links: ["later:alias"] }, "early", {
      NetworkingConfig: { EndpointsConfig: { late: { Links: ["later:alias"] } } },
    });
    const { HostsPath } = await net.inspect(linker);
    const aliased = (): string[] => readFileSync(HostsPath, "utf8").match(/^.*\talias$/gm) ?? [];
    assert.deepEqual(aliased(), []);
    const addressOf = async (id: string): Promise<unknown> =>
      (await net.inspect(id)).NetworkSettings.Networks["late"]?.["IPAddress"];
    const first = await run(forever, { NetworkMode: "late" }, "later");
    const before = await addressOf(first);
    assert.deepEqual(aliased(), [`${before as string}\talias`]);
    await net.host.expect(204, "DELETE", `/containers/${first}?force=1`);
    await run(forever, { NetworkMode: "late" }, "between");
    const after = await addressOf(await run(forever, { NetworkMode: "late" }, "later"));
    assert.notEqual(after, before);
    assert.deepEqual(aliased(), [`${after as string}\talias`]);
  });

  test("B180 host, none and the network of another container", async () => {
    await create("extra");
    const owner = await run(forever, { NetworkMode: "bridge" }, "owner");
    const none = await run(forever, { NetworkMode: "none" }, "alone");
    const host = await run(forever, { NetworkMode: "host" }, "hosted");
    const guest = await run(forever, { NetworkMode: "container:owner" }, "guest");
    assert.deepEqual((await net.inspect(guest)).NetworkSettings.Networks, {});
    const refusal = async (Container: string): Promise<string> =>
      (await net.host.expect(400, "POST", "/networks/extra/connect", { Container })).json<{
        message: string;
      }>().message;
    const shares =
      "container sharing network namespace with another container or host cannot be connected to any other network";
    assert.deepEqual([await refusal("hosted"), await refusal("guest")], [shares, shares]);
    assert.match(await refusal("alone"), /one of the networks in private \(none\) mode$/);
    for (const [name, id] of [
      ["none", none],
      ["host", host],
    ] as const) {
      const shown = (await net.host.expect(200, "GET", `/networks/${name}`)).json<{ Containers: object }>();
      assert.deepEqual(Object.keys(shown.Containers), [id]);
    }
    await net.host.expect(200, "POST", "/networks/none/disconnect", { Container: "alone" });
    await net.host.expect(200, "POST", "/networks/extra/connect", { Container: "alone" });
    assert.match(await net.inside(none, "ip", "-o", "-4", "addr"), /eth0/);
    await net.host.expect(204, "POST", `/containers/${owner}/rename?name=renamed`);
    assert.equal((await net.inspect(owner)).State.Status, "running");
  });

  test("B180 addresses and names of one's choice are for users' own networks", async () => {
    const address = { IPAMConfig: { IPv4Address: "10.9.8.7" } };
    for (const [NetworkMode, settings, message] of [
      ["host", address, "user specified IP address is supported on user defined networks only"],
      ["none", address, "user specified IP address is supported on user defined networks only"],
      [
        "bridge",
        { Aliases: ["x"] },
        "network-scoped alias is supported only for containers in user defined networks",
      ],
    ] as const) {
      const body = {
        Cmd: ["true"],
        HostConfig: { NetworkMode },
        NetworkingConfig: { EndpointsConfig: { [NetworkMode]: settings } },
      };
      const id = await net.host.create(body, `on-${NetworkMode}`);
      const refused = await net.host.expect(400, "POST", `/containers/${id}/start`);
      assert.deepEqual(refused.json(), { message });
      const { Status, Error } = (await net.inspect(id)).State;
      assert.deepEqual([Status, Error], ["created", message]);
    }
  });

  test("B180 -P publishes what the container exposes", async () => {
    const ExposedPorts = { "80/tcp": {}, "9000/udp": {} };
    const id = await run(server, { PublishAllPorts: true, NetworkMode: "bridge" }, "all", { ExposedPorts });
    const { Ports } = (await net.inspect(id)).NetworkSettings;
    assert.deepEqual(Object.keys(Ports), ["80/tcp", "9000/udp"]);
    assert.equal(await net.hear(Number(Ports["80/tcp"]?.[0]?.HostPort)), "hello\n");
  });

  test("B180 events", async () => {
    const seen = net.host.daemon.events.recent.length;
    await create("told");
    const id = await run("true", { NetworkMode: "told" }, "teller");
    assert.equal(await exitOf(id), 0);
    await net.host.expect(204, "DELETE", `/containers/${id}`);
    await net.host.expect(204, "DELETE", "/networks/told");
    const told = net.host.daemon.events.recent.slice(seen).map(({ Type, Action, Actor }) => {
      const { name, container } = Actor.Attributes;
      return `${Type} ${Action} ${name}${container === id ? " with it" : ""}`;
    });
    assert.deepEqual(told, [
      "network create told",
      "container create teller",
      "network connect told with it",
      "container start teller",
      "container die teller",
      "network disconnect told with it",
      "container destroy teller",
      "network destroy told",
    ]);
  });
});
