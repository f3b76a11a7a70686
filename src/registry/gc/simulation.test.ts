/** Garbage collection against thousands of histories (test/suites/registry_simulator). */
import assert from "node:assert/strict";
import { test } from "node:test";
import { guardOf } from "./blob_guard.ts";
import { unlessAll } from "../../../test/suites/scratch.ts";
import { simulateHistories } from "../../../test/suites/registry_simulator/simulate_histories.ts";
import {
  simulateRegistry,
  type SimulationOptions,
} from "../../../test/suites/registry_simulator/simulate_registry.ts";

/** To go through one again: VARVE_SIMULATION_SEED=123. Through others: VARVE_SIMULATION_FROM=1000000. */
const { VARVE_SIMULATION_SEED: only, VARVE_SIMULATION_FROM: from = "1" } = process.env;
const histories = unlessAll === false ? 20_000 : 1_500;

/** In the histories from seed `from` on. Some faults show in one of thousands: then `from` is near one that is known. */
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

test("B169 no blob that something leads to is lost and none stays beyond its deadline, in thousands of histories", async (t) => {
  const first = Number(only ?? from);
  const sums = await simulateHistories(first, only === undefined ? histories : 1);
  for (const { failed } of sums) {
    assert.equal(
      failed,
      undefined,
      `again with VARVE_SIMULATION_SEED=${failed?.seed}: ${failed?.violations[0]}`,
    );
  }
  t.diagnostic(`from seed ${first}: ${JSON.stringify(sums)}`);
  const total = (of: "histories" | "crashes") => sums.reduce((sum, each) => sum + each[of], 0);
  assert.equal(total("histories"), only === undefined ? histories : 1);
  assert.ok(only !== undefined || total("crashes") > 500, "hardly an instance crashed");
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
  assert.match((await firstViolation(640, 200, careless)) ?? "none", /lost|refused|did not get|leads to/);
});
