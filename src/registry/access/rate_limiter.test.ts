import assert from "node:assert/strict";
import { test } from "node:test";
import { RegistryError } from "../registry_error.ts";
import { clientKey, RateLimiter } from "./rate_limiter.ts";

/** `ok`, or the seconds after which to come again. */
function tried(limiter: RateLimiter, client: string): string {
  try {
    limiter.take(client);
    return "ok";
  } catch (error) {
    assert.ok(error instanceof RegistryError);
    assert.deepEqual([error.status, error.items[0]?.code], [429, "TOOMANYREQUESTS"]);
    return error.headers["Retry-After"] ?? "";
  }
}

test("a burst, then so many a second, each client by itself", () => {
  let now = 0;
  const limiter = new RateLimiter({ perSecond: 2, burst: 3, now: () => now });
  const some = (count: number, client = "a") => Array.from({ length: count }, () => tried(limiter, client));
  assert.deepEqual(some(5), ["ok", "ok", "ok", "1", "1"]);
  assert.deepEqual(some(1, "b"), ["ok"]);
  now += 499;
  assert.deepEqual(some(1), ["1"]);
  now += 1;
  assert.deepEqual(some(2), ["ok", "1"]);
  now += 60_000;
  assert.deepEqual(some(4), ["ok", "ok", "ok", "1"]);
});

test("slow limits say how long to wait", () => {
  const limiter = new RateLimiter({ perSecond: 0.1, burst: 1, now: () => 0 });
  assert.deepEqual([tried(limiter, "a"), tried(limiter, "a")], ["ok", "10"]);
});

test("a client that keeps asking stays refused, however many others come", () => {
  let now = 0;
  const limiter = new RateLimiter({ perSecond: 0.001, burst: 1, now: () => now });
  assert.equal(tried(limiter, "a"), "ok");
  for (let each = 0; each < 250_000; each++) {
    limiter.take(`other ${each}`);
    if (each % 10_000 === 0) assert.notEqual(tried(limiter, "a"), "ok");
    now += 0.001;
  }
});

test("who counts as one client", () => {
  const nobody = { user: undefined, groups: [] };
  const table: [address: string | undefined, key: string][] = [
    ["192.0.2.7", "address 192.0.2.7"],
    ["::ffff:192.0.2.7", "address 192.0.2.7"],
    ["2001:db8:1:2:3:4:5:6", "address 2001:db8:1:2"],
    ["2001:DB8:1:2::9", "address 2001:db8:1:2"],
    ["2001:db8::1", "address 2001:db8:0:0"],
    ["fe80::1%eth0", "address fe80:0:0:0"],
    ["::1", "address 0:0:0:0"],
    [undefined, "address "],
  ];
  for (const [address, key] of table) assert.equal(clientKey(nobody, address), key);
  assert.equal(clientKey({ user: "jo", groups: [] }, "192.0.2.7"), "user jo");
});
