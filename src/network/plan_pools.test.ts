import assert from "node:assert/strict";
import { test } from "node:test";
import { planPools, type PoolRequest } from "./plan_pools.ts";
import { formatSubnet, parseSubnet, type Subnet } from "./subnet.ts";
import { electIpv4Subnet } from "./elect_subnet.ts";
import { parseIpv4Routes, parseIpv6Routes } from "./host_subnets.ts";

const subnets = (...texts: string[]): Subnet[] => texts.map((text) => parseSubnet(text) as Subnet);

function plan(request: Partial<PoolRequest>): ReturnType<typeof planPools> {
  return planPools({ networkId: "ab", config: [], enableIPv6: false, networks: [], host: [], ...request });
}

test("dockerd's default pools, in their order, around what is in use", () => {
  const used: Subnet[] = [];
  for (;;) {
    try {
      used.push(electIpv4Subnet(used));
    } catch (error) {
      assert.equal(
        (error as Error).message,
        "could not find an available, non-overlapping IPv4 address pool among the defaults to assign to the network",
      );
      break;
    }
  }
  const texts = used.map(formatSubnet);
  assert.equal(texts.length, 31);
  assert.deepEqual(texts.slice(0, 4), ["172.17.0.0/16", "172.18.0.0/16", "172.19.0.0/16", "172.20.0.0/16"]);
  assert.deepEqual(texts.slice(14, 17), ["172.31.0.0/16", "192.168.0.0/20", "192.168.16.0/20"]);
  assert.equal(formatSubnet(electIpv4Subnet(subnets("172.16.0.0/12"))), "192.168.0.0/20");
  assert.equal(formatSubnet(electIpv4Subnet(subnets("172.17.9.1/32", "10.0.0.0/8"))), "172.18.0.0/16");
});

test("chosen in full, named as the user named it", () => {
  assert.deepEqual(plan({ host: subnets("172.17.0.0/24") }).config, [
    { subnet: "172.18.0.0/16", gateway: "172.18.0.1" },
  ]);
  const named = plan({
    config: [{ subnet: "10.8.0.1/24", ipRange: "10.8.0.128/25", auxAddresses: { a: "10.8.0.9" } }],
  });
  assert.deepEqual(named.config, [
    { subnet: "10.8.0.1/24", ipRange: "10.8.0.128/25", auxAddresses: { a: "10.8.0.9" } },
  ]);
  assert.deepEqual(named.pools, [
    {
      subnet: "10.8.0.0/24",
      gateway: "10.8.0.128",
      range: "10.8.0.128/25",
      reserved: ["10.8.0.9"],
      elected: false,
    },
  ]);
});

test("IPv6: named, or a unique local one that the network's id determines", () => {
  const both = plan({ enableIPv6: true });
  assert.match(both.pools[1]?.subnet ?? "", /^fd[0-9a-f]{2}:[0-9a-f]{1,4}:[0-9a-f]{1,4}::\/64$/);
  assert.deepEqual(plan({ enableIPv6: true }), both);
  const named = plan({ enableIPv6: true, config: [{ subnet: "fd00:9::/64" }] });
  assert.deepEqual(
    named.pools.map(({ subnet, gateway }) => [subnet, gateway]),
    [
      ["172.17.0.0/16", "172.17.0.1"],
      ["fd00:9::/64", "fd00:9::1"],
    ],
  );
  assert.equal(
    plan({ config: [{ subnet: "fd00:9::/64" }] }).pools.length,
    1,
    "without --ipv6 it is not used",
  );
});

const refused: readonly [Partial<PoolRequest>, kind: string, message: string][] = [
  [
    { config: [{ subnet: "300.1.1.1/24" }] },
    "invalid",
    "Invalid subnet 300.1.1.1/24 : invalid CIDR address: 300.1.1.1/24",
  ],
  [
    { config: [{ subnet: "10.0.0.0/33" }] },
    "invalid",
    "Invalid subnet 10.0.0.0/33 : invalid CIDR address: 10.0.0.0/33",
  ],
  [
    { config: [{ subnet: "172.18.0.0/24" }], networks: subnets("172.18.0.0/16") },
    "denied",
    "Pool overlaps with other one on this address space",
  ],
  [
    { config: [{ subnet: "10.8.0.0/24", gateway: "10.7.0.1" }] },
    "invalid",
    "no matching subnet for gateway 10.7.0.1",
  ],
  [
    { config: [{ subnet: "10.8.0.0/24", ipRange: "10.8.0.0/16" }] },
    "invalid",
    "no matching subnet for range 10.8.0.0/16",
  ],
  [
    { config: [{ subnet: "10.8.0.0/24", auxAddresses: { a: "10.9.0.1" } }] },
    "invalid",
    "no matching subnet for aux-address 10.9.0.1",
  ],
  [
    { config: [{ subnet: "10.8.0.0/24" }, { subnet: "10.9.0.0/24" }] },
    "denied",
    "bridge driver doesn't support multiple subnets",
  ],
];

for (const [request, kind, message] of refused)
  test(`refused: ${message}`, () => assert.throws(() => plan(request), { kind, message }));

test("the smallest subnets spare no address for the network itself", () => {
  const { pools } = plan({ config: [{ subnet: "10.8.0.0/31" }] });
  assert.equal(pools[0]?.gateway, "10.8.0.0");
  assert.equal(plan({ config: [{ subnet: "10.8.0.7/32" }] }).pools[0]?.gateway, "10.8.0.7");
});

test("routes of the host, as the kernel lists them", () => {
  const ipv4 = [
    "Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT",
    "eth0\t00000000\t010200C0\t0003\t0\t0\t0\t00000000\t0\t0\t0",
    "eth0\t000200C0\t00000000\t0001\t0\t0\t0\t00FFFFFF\t0\t0\t0",
    "wg0\t000011AC\t00000000\t0001\t0\t0\t0\t0000FFFF\t0\t0\t0",
  ].join("\n");
  assert.deepEqual(parseIpv4Routes(ipv4).map(formatSubnet), ["192.0.2.0/24", "172.17.0.0/16"]);
  const zero = "0".repeat(32);
  const ipv6 = [
    `fd000000000000000000000000000000 40 ${zero} 00 ${zero} 00000100 00000001 00000000 00000001 eth0`,
    `ff000000000000000000000000000000 08 ${zero} 00 ${zero} 00000100 00000001 00000000 00000001 eth0`,
    `${zero} 00 ${zero} 00 ${zero} ffffffff 00000001 00000000 00200200 lo`,
  ].join("\n");
  assert.deepEqual(parseIpv6Routes(ipv6).map(formatSubnet), ["fd00::/64"]);
});
