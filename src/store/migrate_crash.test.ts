/** A migration that is killed: at any step the root opens, is whole, and nothing is stuck. */
import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import * as fs from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { assertWhole, fill, left, on, skip, stateOf } from "../../test/fixtures/migration.ts";
import { scratch, unlessAll } from "../../test/suites/scratch.ts";
import { signal } from "../../test/support/engine_fixture.ts";
import { checkStore } from "./check.ts";
import { collectGarbage } from "./gc.ts";
import { migrateStore } from "./migrate.ts";

test("killed at any step: opens, is whole, and is gone on with or given up", { skip }, async () => {
  using scene = scratch("migrate");
  const first = join(scene.path, "first");
  const engine = await on(first, "overlay2");
  const id = await fill(engine);
  const state = await stateOf(engine, id);
  const counting = join(scene.path, "counting");
  execFileSync("cp", ["-a", first, counting]);
  const steps: string[] = [];
  const store = (await on(counting)).store;
  await migrateStore(store, { to: "erofs", signal, onStep: (step) => steps.push(step) });
  for (const step of [
    "begun",
    "layer",
    "container",
    "books",
    "verified",
    "switched",
    "records",
    "removed",
    "settled",
  ])
    assert.ok(steps.includes(step), step);
  for (const [i, step] of steps.entries()) {
    // One of the many removals is like another; by default each step is met where it comes first.
    if (step === "removed" && steps[i - 1] === "removed" && steps[i + 1] === "removed") continue;
    if (unlessAll !== false && steps.indexOf(step) !== i) continue;
    const root = join(scene.path, `${i}`);
    execFileSync("cp", ["-a", first, root]);
    killAt(root, i);
    const what = `step ${i}: ${step}`;
    const after = await on(root);
    const expected = i < steps.indexOf("switched") ? "overlay2" : "erofs";
    assert.equal(after.store.driver.name, expected, what);
    assert.deepEqual(await checkStore(after.store), [], what);
    assert.deepEqual(await stateOf(after, id), state, what);
    const other = expected === "erofs" ? "overlay2" : "erofs";
    if (i % 2 === 0) await after.system.migrate({ to: "erofs", signal });
    else {
      await collectGarbage(after.store);
      assert.deepEqual(left(root, other), [], what);
    }
    const end = await on(root);
    assert.equal(end.store.driver.name, i % 2 === 0 ? "erofs" : expected, what);
    assert.deepEqual(left(root, end.store.driver.name === "erofs" ? "overlay2" : "erofs"), [], what);
    assert.deepEqual(await stateOf(end, id), state, what);
    await assertWhole(end.store);
    assert.deepEqual(
      (await collectGarbage(end.store)).removed.filter(({ kind }) => kind !== "session"),
      [],
      what,
    );
    assert.equal((await end.containers.inspect(id)).Driver, end.store.driver.name, what);
  }
});

/** Migrates in a process of its own, which ends at the step with this index. */
function killAt(root: string, index: number): void {
  const here = (path: string) => JSON.stringify(join(import.meta.dirname, path));
  const program = `
    import { openStore, migrateStore } from ${here("index.ts")};
    const store = await openStore({ root: ${JSON.stringify(root)} });
    let at = 0;
    await migrateStore(store, {
      to: "erofs",
      signal: new AbortController().signal,
      onStep: () => {
        if (at++ === ${index}) process.kill(process.pid, "SIGKILL");
      },
    });
  `;
  // A file, because workers take over the flags of their parent, and a program on the command line is one.
  const file = `${root}.mjs`;
  fs.writeFileSync(file, program);
  const { signal: ended, stderr } = spawnSync(process.execPath, [file], { encoding: "utf8" });
  assert.equal(ended, "SIGKILL", stderr);
}
