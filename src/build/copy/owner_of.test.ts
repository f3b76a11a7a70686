import assert from "node:assert/strict";
import { test } from "node:test";
import { dir, file, link, viewOf } from "./copy_fixture.ts";
import { accountsOf, ownerOf } from "./owner_of.ts";

const accounts = {
  passwd: "root:x:0:0:root:/root:/bin/sh\nann:x:1000:1001::/:\n nobody:x:65534:65533::/:\n77:x:5:5::/:\n",
  group: "root:x:0:\nstaff:x:50:ann\nann:x:1234:\n",
};

test("--chown by names and numbers", () => {
  const cases: readonly [chown: string, uid: number, gid: number][] = [
    ["ann", 1000, 1001],
    ["ann:staff", 1000, 50],
    ["ann:7", 1000, 7],
    ["7:staff", 7, 50],
    ["7", 7, 7],
    ["77", 77, 77],
    [":staff", 0, 50],
    ["ann:", 1000, 0],
    ["nobody", 65534, 65533],
  ];
  for (const [chown, uid, gid] of cases) assert.deepEqual(ownerOf(chown, accounts), { uid, gid }, chown);
  assert.deepEqual(ownerOf("ann", accounts, { classic: true }), { uid: 1000, gid: 1234 });
});

test("an unknown owner is refused in Docker's words", () => {
  const start = "unable to convert uid/gid chown string to host mapping: ";
  const refused: Readonly<Record<string, string>> = {
    none: "can't find uid for user none: no such user: none",
    "ann:none": "can't find gid for group none: no such group: none",
    "a:b:c": "invalid chown string format: a:b:c",
    "-1": "uids and gids must be in range 0-2147483647: -1",
    "1:4294967296": "uids and gids must be in range 0-2147483647: 4294967296",
  };
  for (const [chown, why] of Object.entries(refused))
    assert.throws(() => ownerOf(chown, accounts), { kind: "invalid", message: start + why });
  assert.throws(() => ownerOf("ann", { passwd: "", group: "" }), { kind: "invalid" });
  const nobody = `${start}can't find gid for group nobody: no such group: nobody`;
  assert.throws(() => ownerOf("nobody", accounts, { classic: true }), { message: nobody });
});

test("accounts are read inside the image; what is no file names nobody", () => {
  const view = viewOf(link("etc/passwd", "/usr/passwd"), file("usr/passwd", "ann"), dir("etc/group"));
  assert.deepEqual(accountsOf(view), { passwd: "ann", group: "" });
  assert.deepEqual(accountsOf(viewOf()), { passwd: "", group: "" });
});
