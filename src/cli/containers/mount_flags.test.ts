import assert from "node:assert/strict";
import { join } from "node:path";
import { describe, test } from "node:test";
import { anonymousVolumes, mountOptions, type MountFlagValues } from "./mount_flags.ts";

const flags = (given: Partial<MountFlagValues>): MountFlagValues => ({
  mount: [],
  tmpfs: [],
  volume: [],
  "volume-driver": undefined,
  "volumes-from": [],
  ...given,
});

describe("B181 -v, --tmpfs, --volumes-from", () => {
  test("a path alone is a volume without a name, which the config asks for", () => {
    const given = flags({ volume: ["/cache", "named:/n", "/host:/h:ro"] });
    assert.deepEqual(anonymousVolumes(given), { "/cache": {} });
    assert.deepEqual(mountOptions(given), { Binds: ["named:/n", "/host:/h:ro"] });
    assert.equal(anonymousVolumes(flags({ volume: ["named:/n"] })), undefined);
    assert.deepEqual(mountOptions(flags({})), { Binds: null });
  });

  test("a path that begins with a dot is one from here", () => {
    const { Binds } = mountOptions(flags({ volume: [".:/a", "./x:/b:ro", "../y:/c", ".hidden:/d"] }));
    const here = process.cwd();
    assert.deepEqual(Binds, [
      `${here}:/a`,
      `${join(here, "x")}:/b:ro`,
      `${join(here, "../y")}:/c`,
      ".hidden:/d",
    ]);
  });

  test("all others", () => {
    const given = flags({
      mount: ["type=tmpfs,target=/t"],
      tmpfs: ["/run:size=1m", "/tmp"],
      "volume-driver": "local",
      "volumes-from": ["web:ro"],
    });
    assert.deepEqual(mountOptions(given), {
      Binds: null,
      Mounts: [{ Type: "tmpfs", Target: "/t" }],
      Tmpfs: { "/run": "size=1m", "/tmp": "" },
      VolumesFrom: ["web:ro"],
      VolumeDriver: "local",
    });
  });

  for (const volume of ["a:b:c:d", "/a:/b:xx", "/a:b"]) {
    test(`refuses ${volume}`, () =>
      assert.throws(() => mountOptions(flags({ volume: [volume] })), { kind: "invalid" }));
  }
});
