import assert from "node:assert/strict";
import { test } from "node:test";
import { CpuRates } from "./cpu_rates.ts";

const second = 1_000_000_000n;

test("rates since the last question; what nobody asks about is forgotten", () => {
  const rates = new CpuRates();
  assert.equal(rates.of("a", second, 5e9), 0);
  assert.equal(rates.of("a", 3n * second, 6e9), 0.5e9);
  assert.equal(rates.of("a", 3n * second + 1n, 7e9), 0.5e9, "at nearly the same moment");
  assert.equal(rates.of("a", 4n * second, 1e9), 0, "started again");
  assert.equal(rates.of("b", 5n * second, 1e9), 0);
  assert.equal(rates.of("c", 604n * second + 1n, 1e9), 0);
  assert.equal(rates.size, 2);
});
