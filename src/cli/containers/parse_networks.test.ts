import assert from "node:assert/strict";
import { test } from "node:test";
import { parseNetworks } from "./parse_networks.ts";

const nothing = {
  networks: [],
  aliases: [],
  links: [],
  ip: undefined,
  ip6: undefined,
  macAddress: undefined,
};

test("no network, one by its name, several", () => {
  assert.deepEqual(parseNetworks(nothing), { mode: undefined, endpoints: {} });
  assert.deepEqual(parseNetworks({ ...nothing, networks: ["host"] }), { mode: "host", endpoints: {} });
  assert.deepEqual(parseNetworks({ ...nothing, networks: ["a", "b"] }), {
    mode: "a",
    endpoints: { a: {}, b: {} },
  });
});

test("flags belong to the first network, fields to their own", () => {
  const networks = [
    "front",
    'name=back,alias=db,alias=sql,ip=10.0.0.9,driver-opt=a=b,"driver-opt=x.Sysctls=c.d=1,e=2"',
  ];
  const { mode, endpoints } = parseNetworks({ ...nothing, networks, aliases: ["web"], ip: "10.1.0.2" });
  assert.equal(mode, "front");
  assert.deepEqual(endpoints, {
    front: { Aliases: ["web"], IPAMConfig: { IPv4Address: "10.1.0.2" } },
    back: {
      Aliases: ["db", "sql"],
      IPAMConfig: { IPv4Address: "10.0.0.9" },
      DriverOpts: { a: "b", "x.Sysctls": "c.d=1,e=2" },
    },
  });
});

test("what is no network is refused", () => {
  const message = "network-scoped aliases are only supported for user-defined networks";
  assert.throws(() => parseNetworks({ ...nothing, aliases: ["web"] }), { message });
  assert.throws(() => parseNetworks({ ...nothing, networks: ["alias=x"] }), {
    message: "network name/id is not specified",
  });
  assert.throws(() => parseNetworks({ ...nothing, networks: ["name=a,color=red"] }), {
    message: "invalid field key color",
  });
  assert.throws(() => parseNetworks({ ...nothing, networks: ["name=a,driver-opt=b"] }), {
    message: "invalid key value pair format in driver options",
  });
});
