import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { test } from "node:test";
import { unlessLinux } from "../../../test/suites/scratch.ts";
import { isEnding } from "./state.ts";

test("a process that runs is not ending; one that has ended is", { skip: unlessLinux }, async () => {
  const child = spawn("cat", { stdio: ["pipe", "ignore", "ignore"] });
  await once(child, "spawn");
  const pid = child.pid as number;
  assert.deepEqual([isEnding(process.pid), isEnding(pid)], [false, false]);
  child.stdin.end();
  await once(child, "exit");
  assert.equal(isEnding(pid), true);
});
