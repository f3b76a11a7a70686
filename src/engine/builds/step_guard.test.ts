import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { test } from "node:test";
import { scratch, unlessLinux } from "../../../test/suites/scratch.ts";
import { createStepGuard } from "./step_guard.ts";

/** Shells that have the folder among their words. */
function shells(folder: string): string[] {
  return readdirSync("/proc").filter((pid) => {
    try {
      return /^\d+$/.test(pid) && readFileSync(`/proc/${pid}/cmdline`, "latin1").split("\0").includes(folder);
    } catch {
      return false;
    }
  });
}

test("a guard's shell lives as long as there is something to watch over", { skip: unlessLinux }, async () => {
  using folder = scratch("guard");
  const guard = createStepGuard("/bin/true", folder.path);
  for (const id of ["a", "b"]) {
    const first = guard.watch(id);
    const second = guard.watch(`${id}2`);
    first[Symbol.dispose]();
    assert.equal(shells(folder.path).length, 1);
    second[Symbol.dispose]();
    while (shells(folder.path).length > 0) await new Promise(setImmediate);
  }
});
