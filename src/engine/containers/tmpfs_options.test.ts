import assert from "node:assert/strict";
import { test } from "node:test";
import { tmpfsOptionsOf } from "./tmpfs_options.ts";

for (const [spec, wanted] of [
  [{}, ""],
  [{ ReadOnly: true, TmpfsOptions: { Mode: 0o1777, SizeBytes: 2 << 20 } }, "ro,mode=1777,size=2m"],
  [{ TmpfsOptions: { SizeBytes: 2 ** 31 } }, "size=2g"],
  [{ TmpfsOptions: { SizeBytes: 3 << 10, Options: [["exec"]] } }, "size=3k,exec"],
  [{ TmpfsOptions: { SizeBytes: 1025 } }, "size=1025"],
] as const) {
  test(`tmpfs of ${JSON.stringify(spec)}: ${wanted}`, () => assert.equal(tmpfsOptionsOf(spec), wanted));
}
