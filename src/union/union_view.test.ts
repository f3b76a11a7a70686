import { after, before, describe } from "node:test";
import { overlaySkip } from "../../test/suites/overlay_skip.ts";
import { scratch, type Scratch } from "../../test/suites/scratch.ts";
import { mountIn, simulate } from "../../test/suites/union_machines.ts";
import { unionSuite } from "../../test/suites/union_suite.ts";

for (const dialect of ["aufs", "overlay", "overlay2"] as const) {
  unionSuite(dialect, (given) => simulate(given, dialect));
}

describe("the kernel's overlayfs", { skip: overlaySkip }, () => {
  let dir: Scratch | undefined;
  before(() => {
    dir = scratch("union-suite");
  });
  after(() => dir?.[Symbol.dispose]());
  unionSuite("kernel", (given) => mountIn((dir as Scratch).path, given));
});
