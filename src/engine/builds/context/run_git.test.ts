import assert from "node:assert/strict";
import { chmodSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { scratch } from "../../../../test/suites/scratch.ts";
import { runGit } from "./run_git.ts";

test("of what git says only the end is kept", async (t) => {
  using directory = scratch("git");
  const program = join(directory.path, "git");
  writeFileSync(
    program,
    "#!/bin/sh\nhead -c 100000000 /dev/zero | tr '\\0' x >&2\necho ' the reason' >&2\nexit 128\n",
  );
  chmodSync(program, 0o755);
  const path = process.env["PATH"];
  t.after(() => void (process.env["PATH"] = path));
  process.env["PATH"] = `${directory.path}:${path}`;
  const { signal } = new AbortController();
  await assert.rejects(runGit(directory.path, ["fetch"], { signal }), ({ message }: Error) => {
    assert.match(message, /^git fetch: x+ the reason$/);
    assert.equal(message.length < 1 << 17, true);
    return true;
  });
});
