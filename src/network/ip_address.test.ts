import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { formatIp, type IpAddress, parseIp } from "./ip_address.ts";

const cases: readonly [text: string, canonical: string | undefined][] = [
  ["172.17.0.2", "172.17.0.2"],
  ["255.255.255.255", "255.255.255.255"],
  ["::", "::"],
  ["::1", "::1"],
  ["1::", "1::"],
  ["FD00:0:0:1::A", "fd00:0:0:1::a"],
  ["1:0:0:2:0:0:0:3", "1:0:0:2::3"],
  ["1:0:2:3:4:5:6:7", "1:0:2:3:4:5:6:7"],
  ["::ffff:1.2.3.4", "::ffff:102:304"],
  ["fe80::1%eth0", undefined],
  ["256.1.1.1", undefined],
  ["1.2.3", undefined],
  ["", undefined],
];

for (const [text, canonical] of cases)
  test(`${JSON.stringify(text)} is ${canonical}`, () => {
    const ip = parseIp(text);
    assert.equal(ip && formatIp(ip), canonical);
  });

test("what is written is read as what it was", () => {
  const address: fc.Arbitrary<IpAddress> = fc.oneof(
    fc.bigInt({ min: 0n, max: (1n << 32n) - 1n }).map((value) => ({ family: 4 as const, value })),
    fc.bigInt({ min: 0n, max: (1n << 128n) - 1n }).map((value) => ({ family: 6 as const, value })),
    // Many zeros, which "::" shortens.
    fc.array(fc.constantFrom(0n, 1n), { minLength: 8, maxLength: 8 }).map((groups) => ({
      family: 6 as const,
      value: groups.reduce<bigint>((value, group) => (value << 16n) | group, 0n),
    })),
  );
  fc.assert(
    fc.property(address, (ip) => {
      assert.deepEqual(parseIp(formatIp(ip)), ip);
    }),
  );
});
