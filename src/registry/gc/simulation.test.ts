/** Garbage collection against thousands of histories (test/suites/registry_simulator). */
import assert from "node:assert/strict";
import { test } from "node:test";
import { guardOf } from "./blob_guard.ts";
import {
  simulateRegistry,
  type SimulationOptions,
} from "../../../test/suites/registry_simulator/simulate_registry.ts";

/** To go through one again: VARVE_SIMULATION_SEED=123. Through others: VARVE_SIMULATION_FROM=1000000. */
const { VARVE_SIMULATION_SEED: only, VARVE_SIMULATION_FROM: from = "1" } = process.env;
const histories = 5_000;

/** In the histories from seed `from` on: how it shows takes some luck, and the first ones do not have it. */
async function firstViolation(
  from: number,
  seeds: number,
  careless: SimulationOptions["guardOf"],
): Promise<string | undefined> {
  for (let seed = from; seed < from + seeds; seed++) {
    const { violations } = await simulateRegistry(seed, careless && { guardOf: careless });
    if (violations.length > 0) return violations[0];
  }
  return undefined;
}

test("B169 no blob that something leads to is lost and none stays beyond its deadline, in 5,000 histories", async (t) => {
  const first = Number(only ?? from);
  const sum = { steps: 0, pushes: 0, collections: 0, crashes: 0 };
  for (let seed = first; seed < first + (only === undefined ? histories : 1); seed++) {
    const { violations, ...counts } = await simulateRegistry(seed);
    assert.deepEqual(violations, [], `seed ${seed}; again with VARVE_SIMULATION_SEED=${seed}`);
    for (const key of Object.keys(sum) as (keyof typeof sum)[]) sum[key] += counts[key];
  }
  t.diagnostic(`from seed ${first}: ${JSON.stringify(sum)}`);
  assert.ok(only !== undefined || sum.crashes > 1_000, "hardly an instance crashed");
});

test("a history is the same each time", async () => {
  assert.deepEqual(await simulateRegistry(42), await simulateRegistry(42));
});

test("the simulation notices requests that do not withdraw a sentence", async () => {
  const careless: SimulationOptions["guardOf"] = (storage, clock) => {
    return { ...guardOf(storage, clock), claim: async () => false, recover: async () => false };
  };
  assert.match((await firstViolation(1, 500, careless)) ?? "none", /lost|refused|did not get|leads to/);
});

test("the simulation notices requests that do not look into the trash", async () => {
  const careless: SimulationOptions["guardOf"] = (storage, clock) => {
    return { ...guardOf(storage, clock), recover: async () => false };
  };
  assert.match((await firstViolation(1_250, 1_000, careless)) ?? "none", /lost|refused|did not get|leads to/);
});
