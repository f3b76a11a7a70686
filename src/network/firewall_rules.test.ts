import assert from "node:assert/strict";
import { test } from "node:test";
import { firewallRules, jumpsTo, ruleChains } from "./firewall_rules.ts";
import type { StoredNetwork } from "./network_state.ts";
import type { Endpoint, PortBinding } from "./types.ts";

const chains = ruleChains("00");

function network(
  name: string,
  options: Record<string, string> = {},
  subnets = ["10.1.0.0/24"],
): StoredNetwork {
  const pools = subnets.map((subnet) => ({ subnet, gateway: "", reserved: [], elected: false }));
  const definition = { id: name, name, options, internal: false } as unknown as StoredNetwork["definition"];
  return { definition, pools, bridge: `br-${name}` };
}

function endpoint(networkId: string, more: Partial<Endpoint> = {}): Endpoint {
  const ipv4 = { address: "10.1.0.2", prefix: 24, gateway: "10.1.0.1" };
  return { networkId, containerId: "c", ipv4, ports: [], ...more } as Endpoint;
}

const port = (hostIp: string, more: Partial<PortBinding> = {}): PortBinding => ({
  containerPort: 80,
  protocol: "tcp",
  hostIp,
  hostPort: 8080,
  ...more,
});

test("a port is sent on, its senders are let through and answered, and loopback addresses stay the host's", () => {
  const ports = [port("0.0.0.0"), port("127.0.0.1", { protocol: "udp", hostPort: 53, containerPort: 5353 })];
  const records = { networks: [network("one"), network("two")], endpoints: [endpoint("one", { ports })] };
  const { nat, filter } = firewallRules(records, chains, 4);
  assert.deepEqual(nat, [
    "-A VARVE-PORTS-00 -p tcp -m tcp --dport 8080 -j DNAT --to-destination 10.1.0.2:80",
    "-A VARVE-PORTS-00 -d 127.0.0.1 -p udp -m udp --dport 53 -j DNAT --to-destination 10.1.0.2:5353",
    "-A VARVE-SOURCES-00 -s 10.1.0.0/24 -d 10.1.0.2 -p tcp -m tcp --dport 80 -m conntrack --ctstate DNAT -j MASQUERADE",
    "-A VARVE-SOURCES-00 -s 127.0.0.0/8 -d 10.1.0.2 -p tcp -m tcp --dport 80 -j MASQUERADE",
    "-A VARVE-SOURCES-00 -s 10.1.0.0/24 -d 10.1.0.2 -p udp -m udp --dport 5353 -m conntrack --ctstate DNAT -j MASQUERADE",
    "-A VARVE-SOURCES-00 -s 127.0.0.0/8 -d 10.1.0.2 -p udp -m udp --dport 5353 -j MASQUERADE",
  ]);
  assert.deepEqual(filter, [
    "-A VARVE-FORWARD-00 -d 10.1.0.2 -p tcp -m tcp --dport 80 -m conntrack --ctstate DNAT -j ACCEPT",
    "-A VARVE-FORWARD-00 -s 10.1.0.2 -p tcp -m tcp --sport 80 -m conntrack --ctstate DNAT -j ACCEPT",
    "-A VARVE-FORWARD-00 -d 10.1.0.2 -p udp -m udp --dport 5353 -m conntrack --ctstate DNAT -j ACCEPT",
    "-A VARVE-FORWARD-00 -s 10.1.0.2 -p udp -m udp --sport 5353 -m conntrack --ctstate DNAT -j ACCEPT",
    "-A VARVE-INPUT-00 -i br-one -d 127.0.0.0/8 -m conntrack ! --ctstate RELATED,ESTABLISHED -j DROP",
    "-A VARVE-INPUT-00 -i br-two -d 127.0.0.0/8 -m conntrack ! --ctstate RELATED,ESTABLISHED -j DROP",
  ]);
  // A neighbour on the wire can send packets to 127.0.0.1: they must not get past a rule for that address.
  assert.match(jumpsTo(chains, 4).nat[0] ?? "", /^PREROUTING ! -d 127\.0\.0\.0\/8 /);
  assert.deepEqual(firewallRules(records, chains, 6), { nat: [], filter: [] });
});

test("IPv6: rules for a container that has an address, never from ::1", () => {
  const ipv6 = { address: "fd00::2", prefix: 64, gateway: "fd00::1" };
  const ports = [port("::"), port("::1")];
  const one = network("one", {}, ["10.1.0.0/24", "fd00::/64"]);
  const { nat } = firewallRules(
    { networks: [one], endpoints: [endpoint("one", { ports, ipv6 })] },
    chains,
    6,
  );
  assert.deepEqual(nat, [
    "-A VARVE-PORTS-00 ! -d ::1/128 -p tcp -m tcp --dport 8080 -j DNAT --to-destination [fd00::2]:80",
    "-A VARVE-SOURCES-00 -s fd00::/64 -d fd00::2 -p tcp -m tcp --dport 80 -m conntrack --ctstate DNAT -j MASQUERADE",
  ]);
  const plain = { networks: [one], endpoints: [endpoint("one", { ports })] };
  assert.deepEqual(firewallRules(plain, chains, 6), { nat: [], filter: [] });
});

test("of a container's networks the way out publishes", () => {
  const ports = [port("0.0.0.0")];
  const at = (address: string): Endpoint["ipv4"] => ({ address, prefix: 24, gateway: "10.0.0.1" });
  const networks = [network("b"), network("a"), network("c")];
  const endpoints = [endpoint("b", { ports }), endpoint("a", { ports, ipv4: at("10.1.0.3") })];
  const [first] = firewallRules({ networks, endpoints }, chains, 4).nat;
  assert.match(first ?? "", /10\.1\.0\.3:80$/, "by name");
  const more = [...endpoints, endpoint("c", { ports, ipv4: at("10.1.0.4"), gatewayPriority: 1 })];
  const { nat } = firewallRules({ networks, endpoints: more }, chains, 4);
  assert.match(nat[0] ?? "", /10\.1\.0\.4:80$/, "by priority");
  assert.equal(nat.filter((line) => line.includes("DNAT --to")).length, 1);
});

test("networks that leave by an address of their user's choice", () => {
  const plain = network("one", { "com.docker.network.bridge.enable_ip_masquerade": "false" });
  const named = network("two", { "com.docker.network.host_ipv4": "192.0.2.1" });
  assert.deepEqual(firewallRules({ networks: [plain, named], endpoints: [] }, chains, 4).nat, [
    "-A VARVE-SOURCES-00 -s 10.1.0.0/24 ! -o br-one -j ACCEPT",
    "-A VARVE-SOURCES-00 -s 10.1.0.0/24 ! -o br-two -j SNAT --to-source 192.0.2.1",
  ]);
});
