import assert from "node:assert/strict";
import { test } from "node:test";
import { filesBelow } from "../../../../test/support/registry_tree.ts";
import { memoryStorage } from "../../storage/memory.ts";
import { claimSlot, releaseSlot, slotAt } from "./schedule.ts";

const hour = 3_600_000;

const times: readonly (readonly [from: string, to: string, at: number | undefined, apart: number])[] = [
  ["2026-01-09T00:00:00Z", "2026-01-09T23:59:59Z", undefined, 0],
  ["2026-01-09T23:59:59Z", "2026-01-10T00:00:00Z", undefined, 1],
  ["2026-01-09T03:30:00Z", "2026-01-10T03:29:59Z", 3.5 * hour, 0],
  ["2026-01-09T03:29:59Z", "2026-01-09T03:30:00Z", 3.5 * hour, 1],
];

for (const [from, to, at, apart] of times) {
  test(`a day's work from ${from} to ${to}${at ? " at half past three" : ""}: ${apart} later`, () => {
    const slot = (text: string) => slotAt(Date.parse(text), { interval: 24 * hour, at });
    assert.equal(slot(to) - slot(from), apart);
  });
}

test("of many instances that come at once one does the work of a slot, and one of the next; the past is nobody's", async () => {
  const storage = memoryStorage();
  const claims = (slot: number) =>
    Promise.all(Array.from({ length: 10 }, () => claimSlot(storage, "gc", slot)));
  const count = async (slot: number) => (await claims(slot)).filter(Boolean).length;
  assert.equal(await count(7), 0, "the slot in which the first instance began");
  assert.equal(await count(8), 1);
  assert.equal(await count(8), 0);
  assert.equal(await count(11), 1, "some were missed");
  assert.equal(await count(10), 0, "a clock that is behind");
  assert.deepEqual(await filesBelow(storage, "varve/schedule"), ["varve/schedule/gc/11"]);
  await releaseSlot(storage, "gc", 11);
  assert.equal(await count(11), 1, "broken off");
});
