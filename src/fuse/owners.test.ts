import assert from "node:assert/strict";
import { test } from "node:test";
import { unlessLinux } from "../../test/suites/scratch.ts";
import { isMapped, parseIdMap } from "../sys/index.ts";
import { ownersOf } from "./owners.ts";
import { directory, symlink, TarFixture } from "./tree_fixture.ts";

test("an ID exists in a user namespace if one of its ranges has it", () => {
  const ranges = parseIdMap("         0       1000          1\n         1     100000      65536\n");
  const exists = (id: number): boolean => isMapped(id, ranges);
  assert.deepEqual([0, 1, 65_536, 65_537].map(exists), [true, true, true, false]);
  assert.equal(isMapped(0, parseIdMap("")), false);
  assert.equal(isMapped(4_000_000_000, parseIdMap("         0          0 4294967295\n")), true);
});

test("exact shows everything but marks of overlayfs", () => {
  const owners = ownersOf("exact");
  const node = symlink("x", { uid: 4_000_000_000, gid: 7, mode: 0o7777 });
  assert.deepEqual([owners.uid(node), owners.gid(node), owners.mode(node)], [4_000_000_000, 7, 0o7777]);
  assert.ok(["user.a", "trusted.a", "security.selinux", "system.posix_acl_access"].every(owners.shows));
  assert.ok(!["user.overlay.opaque", "trusted.overlay.redirect"].some(owners.shows));
});

test("best-effort shows what can be set by whoever is root here", { skip: unlessLinux }, () => {
  const owners = ownersOf("best-effort");
  assert.ok(["user.a", "security.capability"].every(owners.shows));
  assert.ok(
    !["user.overlay.a", "trusted.a", "security.selinux", "system.posix_acl_access"].some(owners.shows),
  );
  // 4294967295 is no ID anywhere.
  const nobodys = { uid: 4_294_967_295, gid: 4_294_967_295, mode: 0o7755 };
  const file = new TarFixture().file("", nobodys);
  assert.deepEqual([owners.uid(file), owners.gid(file), owners.mode(file)], [0, 0, 0o1755]);
  assert.equal(owners.mode(directory({}, nobodys)), 0o7755);
});
