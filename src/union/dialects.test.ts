/** AUFS has no kernel here to be compared with; what it shows must be what the overlay dialects show. */
import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { operation, tree } from "../../test/suites/union_arbitrary.ts";
import { simulate, type Machine } from "../../test/suites/union_machines.ts";
import { brief, type Tree } from "../../test/suites/union_trees.ts";

/** Hard links of lower branches live on in AUFS and break in OverlayFS (B041). */
const withoutLinks = tree.map((items): Tree =>
  Object.fromEntries(
    Object.entries(items).filter(([, item]) => typeof item === "string" || item.link === undefined),
  ),
);
/** A device 0/0 is a whiteout in OverlayFS, and a device in AUFS (B047). */
const common = operation.filter((step) => step.op !== "mknod" || step.kind !== "char");

const shown = (machine: Machine): string[] =>
  brief(machine.merged()).map((line) => line.replace(/ x\d+/, ""));

test("B018 B043 all dialects show the same after any sequence of operations, and spell it their own way", () => {
  const lowers = fc.array(withoutLinks, { minLength: 1, maxLength: 3 });
  const steps = fc.array(common, { minLength: 1, maxLength: 30 });
  fc.assert(
    fc.property(lowers, steps, (lowers, steps) => {
      const [aufs, overlay, overlay2] = (["aufs", "overlay", "overlay2"] as const).map((dialect) =>
        simulate({ lowers }, dialect),
      ) as [Machine, Machine, Machine];
      for (const step of steps) {
        const result = overlay2.run(step);
        assert.equal(aufs.run(step), result, `aufs: ${JSON.stringify(step)}`);
        assert.equal(overlay.run(step), result, `overlay: ${JSON.stringify(step)}`);
        const tree = shown(overlay2);
        assert.deepEqual(shown(aufs), tree, `aufs after ${JSON.stringify(step)}`);
        assert.deepEqual(shown(overlay), tree, `overlay after ${JSON.stringify(step)}`);
      }
      assert.ok(
        [...aufs.upper().values()].every((line) => line !== "whiteout" && !line.includes("trusted.overlay")),
      );
      assert.ok([...overlay2.upper().keys()].every((path) => !path.includes(".wh.")));
    }),
    { numRuns: 100 },
  );
});
