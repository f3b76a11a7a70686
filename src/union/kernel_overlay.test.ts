/** The simulator against the kernel's overlayfs: the same operations, the same results, the same trees after each. */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import * as fc from "fast-check";
import { overlaySkip } from "../../test/suites/overlay_skip.ts";
import { scratch, type Scratch } from "../../test/suites/scratch.ts";
import { operation, tree } from "../../test/suites/union_arbitrary.ts";
import { mountIn, simulate, type Given, type Operation } from "../../test/suites/union_machines.ts";
import * as sys from "../sys/index.ts";

describe("the simulator and the kernel", { skip: overlaySkip }, () => {
  let dir: Scratch;
  before(() => {
    dir = scratch("union");
    // In memory: unmounting an overlay flushes its upper branch, which costs more than all else on a disk.
    sys.mount("tmpfs", dir.path, "tmpfs", 0);
  });
  after(() => {
    sys.unmount(dir.path);
    dir[Symbol.dispose]();
  });

  const same = (given: Given, operations: readonly Operation[]): void => {
    using simulated = simulate(given);
    using real = mountIn(dir.path, given);
    const below = real.lowers();
    assert.deepEqual(simulated.merged(), real.merged(), "before anything is done");
    for (const [index, step] of operations.entries()) {
      const what = `step ${index}: ${JSON.stringify(step)}`;
      assert.equal(simulated.run(step), real.run(step), what);
      assert.deepEqual(simulated.merged(), real.merged(), `merged after ${what}`);
      assert.deepEqual(simulated.upper(), real.upper(), `upper after ${what}`);
    }
    // B006, B024: whatever was done, no lower branch has changed.
    assert.deepEqual(simulated.lowers().slice(-below.length), below);
  };
  const options: [title: string, given: Omit<Given, "lowers">][] = [
    ["redirect_dir=off", {}],
    ["redirect_dir=on", { redirectDir: true }],
    ["metacopy=on", { metacopy: true }],
    ["no upper branch", { readOnly: true }],
  ];
  for (const [title, given] of options) {
    test(`B016-B042 agree on any sequence of operations: ${title}`, () => {
      const lowers = fc.array(tree, { minLength: given.readOnly === true ? 2 : 1, maxLength: 3 });
      const readOnly = given.readOnly === true;
      const steps = fc.array(readOnly ? operation.filter(({ op }) => op !== "commit") : operation, {
        minLength: 1,
        maxLength: 30,
      });
      fc.assert(
        fc.property(lowers, steps, (lowers, steps) => same({ ...given, lowers }, steps)),
        { numRuns: 60 },
      );
    });
  }
});
