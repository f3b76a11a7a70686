import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { scratch } from "../../../test/suites/scratch.ts";
import { makeCidfile } from "./cidfile.ts";

test("a file for the ID is made first, and goes where there is no container", () => {
  using directory = scratch("cidfile");
  const path = join(directory.path, "id");
  {
    using file = makeCidfile(path);
    void file;
    assert.throws(() => makeCidfile(path), { kind: "conflict", message: /^container ID file found, / });
  }
  assert.equal(existsSync(path), false);
  {
    using file = makeCidfile(path);
    file.write("43a3");
  }
  assert.equal(readFileSync(path, "utf8"), "43a3");
  assert.throws(() => makeCidfile(join(directory.path, "none/id")), {
    kind: "invalid",
    message: /^failed to create the container ID file: /,
  });
  using none = makeCidfile(undefined);
  none.write("43a3");
});
