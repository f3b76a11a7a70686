import assert from "node:assert/strict";
import * as fs from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import { scratch } from "../../../test/suites/scratch.ts";
import { parseMountInfo } from "../../sys/index.ts";
import { checkPropagation, makeBindSources } from "./bind_sources.ts";
import { parseBind } from "./mount_points.ts";
import type { ContainerRecord } from "./record.ts";

const record = (...binds: string[]): Pick<ContainerRecord, "MountPoints"> => ({
  MountPoints: Object.fromEntries(binds.map((bind, index) => [`/${index}`, parseBind(bind).point])),
});

describe("sources of binds", () => {
  test("are made where they are missing, and left alone where they are files", async () => {
    using directory = scratch("binds");
    const [missing, file, skipped] = ["a/b", "file", "c"].map((name) => join(directory.path, name));
    fs.writeFileSync(file as string, "kept");
    const all = record(`${missing}:/a`, `${file}:/b`, `${skipped}:/c`);
    const [, , last] = Object.values(all.MountPoints);
    if (last !== undefined) last.SkipMountpointCreation = true;
    await makeBindSources(all);
    assert.equal(fs.statSync(missing as string).isDirectory(), true);
    assert.equal(fs.readFileSync(file as string, "utf8"), "kept");
    assert.equal(fs.existsSync(skipped as string), false);
  });

  const mounts = parseMountInfo(
    [
      "1 0 8:1 / / rw - ext4 /dev/a rw",
      "2 1 8:2 / /shared rw shared:1 - ext4 /dev/b rw",
      "3 1 8:3 / /slave rw master:1 - ext4 /dev/c rw",
      "4 2 8:4 / /shared/private rw - ext4 /dev/d rw",
    ].join("\n"),
  );
  for (const [bind, message] of [
    ["/shared/nosuch:/x:rshared", undefined],
    ["/shared/nosuch:/x:slave", undefined],
    ["/slave:/x:rslave", undefined],
    ["/nosuch:/x:rprivate", undefined],
    ["/nosuch:/x:rslave", "path /nosuch is mounted on / but it is not a shared or slave mount"],
    ["/slave:/x:shared", "path /slave is mounted on /slave but it is not a shared mount"],
    [
      "/shared/private/x:/x:rshared",
      "path /shared/private/x is mounted on /shared/private but it is not a shared mount",
    ],
  ] as const) {
    test(`propagation of ${bind}: ${message ?? "fine"}`, () => {
      const asked = record(bind);
      const check = () => checkPropagation(asked, () => mounts);
      if (message === undefined) assert.deepEqual(check(), asked.MountPoints);
      else assert.throws(check, { kind: "invalid", message });
    });
  }

  for (const [source, follows] of [
    ["/", "rprivate"],
    ["/shared", "rslave"],
    ["/slave/x", "rslave"],
    ["/shared/private", "rprivate"],
  ] as const) {
    test(`propagation of ${source}, which nobody has asked to follow: ${follows}`, () => {
      const { point } = parseBind(`${source}:/x`);
      const MountPoints = { "/x": { ...point, Propagation: "rslave" } };
      assert.equal(checkPropagation({ MountPoints }, () => mounts)["/x"]?.Propagation, follows);
    });
  }
});
