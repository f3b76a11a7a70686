import assert from "node:assert/strict";
import { closeSync, linkSync, openSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { scratch, unlessLinux } from "../../test/suites/scratch.ts";
import * as sys from "./index.ts";

test(
  "a file is open elsewhere for reading or writing, by any name, or not at all",
  { skip: unlessLinux },
  () => {
    using at = scratch("lease");
    const [path, other] = [join(at.path, "file"), join(at.path, "other")];
    writeFileSync(path, "x");
    linkSync(path, other);
    const fd = openSync(path, "r+");
    for (const [name, flags] of [
      [path, "r"],
      [other, "r"],
      [other, "r+"],
    ] as const) {
      assert.equal(sys.isOpenElsewhere(fd), false);
      const second = openSync(name, flags);
      assert.equal(sys.isOpenElsewhere(fd), true);
      closeSync(second);
    }
    assert.equal(sys.isOpenElsewhere(fd), false);
    closeSync(fd);
    assert.throws(() => sys.isOpenElsewhere(fd), { code: "EBADF" });
  },
);
