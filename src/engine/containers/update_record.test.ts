import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { test } from "node:test";
import { engineFixture, makeContainer, makeImage } from "../../../test/support/engine_fixture.ts";
import { containerDirectory } from "./record.ts";
import { removeRecord, updateRecord } from "./update_record.ts";

test("a record that is changed is removed afterwards, and later changes find none", async () => {
  using fixture = await engineFixture();
  const { store } = fixture.engine;
  const { ID } = await makeContainer(fixture, await makeImage(fixture, {}));
  const [holding, held] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  const other = store.withLock(`record-${ID}`, () => {
    holding.resolve();
    return held.promise;
  });
  await holding.promise;
  const removed = removeRecord(store, ID);
  const late = removed.then(() => updateRecord(store, ID, (now) => now));
  for (let turn = 0; turn < 50; turn++) await new Promise(setImmediate);
  assert.equal(existsSync(containerDirectory(store.root, ID)), true);
  held.resolve();
  await Promise.all([other, removed]);
  assert.deepEqual([await late, existsSync(containerDirectory(store.root, ID))], [undefined, false]);
});
