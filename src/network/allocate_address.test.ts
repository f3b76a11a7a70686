import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { isFailure } from "../errors.ts";
import { type AddressPool, allocateAddress } from "./allocate_address.ts";
import { formatIp, type IpAddress, parseIp } from "./ip_address.ts";
import { contains, parseSubnet, type Subnet } from "./subnet.ts";

const ip = (text: string): IpAddress => parseIp(text) as IpAddress;

function pool(
  subnet: string,
  gateway: string,
  more: { range?: string; reserved?: string[] } = {},
): AddressPool {
  return {
    subnet: parseSubnet(subnet) as Subnet,
    gateway: ip(gateway),
    ...(more.range === undefined ? {} : { range: parseSubnet(more.range) as Subnet }),
    reserved: (more.reserved ?? []).map(ip),
  };
}

const next = (of: AddressPool, taken: string[] = [], requested?: string): string =>
  formatIp(allocateAddress(of, new Set(taken), requested === undefined ? undefined : ip(requested)));

test("the lowest free one, but the network's, the gateway's and the reserved ones", () => {
  const small = pool("10.9.0.0/29", "10.9.0.1", { reserved: ["10.9.0.3"] });
  assert.equal(next(small), "10.9.0.2");
  assert.equal(next(small, ["10.9.0.2"]), "10.9.0.4");
  assert.equal(next(small, ["10.9.0.2", "10.9.0.4"]), "10.9.0.5");
  assert.throws(
    () => next(small, ["10.9.0.2", "10.9.0.4", "10.9.0.5", "10.9.0.6"]),
    (error) => isFailure(error, "limit"),
    "10.9.0.7 is the broadcast",
  );
  const two = pool("10.9.0.0/31", "10.9.0.0");
  assert.equal(next(two), "10.9.0.1", "two addresses are for two hosts");
  assert.equal(next(pool("fd00::/126", "fd00::1"), ["fd00::2"]), "fd00::3", "IPv6 has none");
});

test("a range bounds what is chosen, not what is asked for", () => {
  const ranged = pool("10.9.0.0/24", "10.9.0.1", { range: "10.9.0.128/31" });
  assert.equal(next(ranged), "10.9.0.128");
  assert.throws(
    () => next(ranged, ["10.9.0.128", "10.9.0.129"]),
    (error) => isFailure(error, "limit"),
  );
  assert.equal(next(ranged, [], "10.9.0.7"), "10.9.0.7");
});

test("asked for: outside, in use, the gateway's", () => {
  const of = pool("10.9.0.0/24", "10.9.0.1");
  assert.throws(() => next(of, [], "10.10.0.128"), {
    kind: "invalid",
    message: "Invalid address 10.10.0.128: It does not belong to any of this network's subnets",
  });
  for (const address of ["10.9.0.5", "10.9.0.1", "10.9.0.0", "10.9.0.255"])
    assert.throws(() => next(of, ["10.9.0.5"], address), {
      kind: "denied",
      message: "Address already in use",
    });
});

test("never two the same, never one outside, released ones come again", () => {
  const subnet = fc
    .tuple(fc.integer({ min: 24, max: 30 }), fc.integer({ min: 0, max: 255 }))
    .map(([bits, third]) => pool(`10.8.${third}.0/${bits}`, `10.8.${third}.1`));
  // A number releases one of those that are held; null takes one more.
  const steps = fc.array(fc.option(fc.nat(50), { freq: 3 }), { maxLength: 120 });
  fc.assert(
    fc.property(subnet, steps, (of, plan) => {
      const held: string[] = [];
      const capacity = 2 ** (32 - of.subnet.bits) - 3;
      for (const release of plan) {
        if (release !== null) {
          held.splice(release % Math.max(1, held.length), 1);
          continue;
        }
        if (held.length === capacity) {
          assert.throws(
            () => next(of, held),
            (error) => isFailure(error, "limit"),
          );
          continue;
        }
        const address = next(of, held);
        assert.ok(!held.includes(address) && address !== formatIp(of.gateway));
        assert.ok(contains(of.subnet, ip(address)));
        held.push(address);
      }
    }),
    { numRuns: 50 },
  );
});
