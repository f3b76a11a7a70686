import assert from "node:assert/strict";
import { test } from "node:test";
import { explainUnion, unionFileSystems, type UnionFileSystem } from "./index.ts";

const all = (name: UnionFileSystem): string => JSON.stringify(explainUnion(name));

test("B018 every union file system is explained with its marks, and the simulator leaves just these", () => {
  const marks = { aufs: /etc\/\.wh\.motd/, overlay: /c 0:0 etc\/motd/, overlay2: /c 0:0 etc\/motd/ };
  const opaques = {
    aufs: /etc\/\.wh\.\.wh\.\.opq/,
    overlay: /d etc trusted\.overlay\.opaque=y/,
    overlay2: /d etc trusted\.overlay\.opaque=y/,
  };
  for (const name of ["aufs", "overlay", "overlay2"] as const) {
    const { demonstration = [] } = explainUnion(name);
    const upper = (command: string): string =>
      (demonstration.find((step) => step.command === command)?.upper ?? []).join("\n");
    assert.equal(upper("cat /etc/profile"), "");
    assert.match(upper("echo x >> /etc/profile"), /^d etc\n- etc\/profile \(19 B\)$/);
    assert.match(upper("rm /etc/motd"), marks[name]);
    assert.match(upper("rm -r /etc && mkdir /etc"), opaques[name]);
    assert.equal(demonstration.find(({ command }) => command.startsWith("mv"))?.failed, "EXDEV");
  }
  assert.match(explainUnion("aufs").whiteout ?? "", /\.wh\.<name>/);
  assert.match(explainUnion("aufs").opaque ?? "", /\.wh\.\.wh\.\.opq/);
  assert.match(explainUnion("overlay2").whiteout ?? "", /char device 0\/0/);
  assert.match(explainUnion("overlay2").opaque ?? "", /trusted\.overlay\.opaque="y"/);
  for (const name of unionFileSystems) assert.ok(explainUnion(name).limits.length > 0, name);
});

test("B018 overlay and overlay2 differ in branches and inodes", () => {
  assert.match(all("overlay"), /every file was a hard link/);
  assert.match(all("overlay"), /ran out of inodes/);
  assert.match(all("overlay2"), /many lower directories.*[Ff]ar fewer inodes/);
});

test("B019 the history is told right", () => {
  assert.match(all("overlay"), /Linux 3\.18 .*Docker 1\.4 .*every edition/);
  assert.match(all("overlay"), /dropped in Docker Engine 24/);
  assert.match(all("overlay2"), /Linux 4\.0 or newer, in every edition, .*d_type/);
  assert.match(all("overlay2"), /AUFS and overlay were dropped in Engine 24, devicemapper in 25/);
  assert.match(all("aufs"), /dropped in Docker Engine 24/);
  assert.match(all("overlay"), /Community Edition.*every edition/);
});
