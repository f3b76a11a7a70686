import assert from "node:assert/strict";
import { test } from "node:test";
import { isFailure } from "../errors.ts";
import { containerUser, type GroupMembership } from "./container_user.ts";

const files = {
  passwd: [
    "root:x:0:0:root:/root:/bin/sh",
    "daemon:x:2:2::/sbin:",
    "",
    "jo:x:1000:1001:Jo:/home/jo:/bin/sh",
    "1234:x:77:78::/:",
    "late:x:1000:9::/:",
  ].join("\n"),
  group: [
    "root:x:0:root",
    "daemon:x:2:root,daemon",
    "tape:x:26:root",
    "jo:x:1001:",
    "wheel:x:10:jo,root",
  ].join("\n"),
};

/** Results such as dockerd 20.10 writes them into config.json: the primary group leads the additional ones. */
const good: [spec: string, uid: number, gid: number, groups: number[]][] = [
  ["", 0, 0, [0, 0, 2, 26, 10]],
  ["root", 0, 0, [0, 0, 2, 26, 10]],
  ["0", 0, 0, [0, 0, 2, 26, 10]],
  ["jo", 1000, 1001, [1001, 10]],
  ["1000", 1000, 1001, [1001, 10]],
  ["1000:5", 1000, 5, [5]],
  ["jo:tape", 1000, 26, [26]],
  [":tape", 0, 26, [26]],
  ["daemon:0", 2, 0, [0]],
  ["4711", 4711, 0, [0]],
  ["4711:4712", 4711, 4712, [4712]],
  ["2147483647", 2147483647, 0, [0]],
  // Digits are a number even where an account has such a name.
  ["1234", 1234, 0, [0]],
  ["77", 77, 78, [78]],
  ["+77", 77, 78, [78]],
  ["0:5678", 0, 5678, [5678]],
];

test("users are looked up as Docker does", () => {
  for (const [spec, uid, gid, additionalGids] of good)
    assert.deepEqual(containerUser(spec, [], files), { uid, gid, additionalGids }, spec);
});

test("added groups follow, by name or number, in ascending order and once", () => {
  assert.deepEqual(containerUser("1000:5", ["77", "tape", "77"], files).additionalGids, [5, 26, 77]);
});

test("groups of the group file: with a group that is given for Kubernetes, or none at all", () => {
  const account = { passwd: "jo:x:5:6", group: "wheel:x:10:jo\nall:x:11:jo" };
  const groups = (spec: string, membership: GroupMembership) =>
    containerUser(spec, ["77"], account, membership).additionalGids;
  assert.deepEqual(groups("5:8", "unless-given"), [8, 77]);
  assert.deepEqual(groups("5:8", "always"), [8, 10, 11, 77]);
  assert.deepEqual(groups("5", "never"), [6, 77]);
});

test("without account files numbers still work", () => {
  const none = { passwd: "", group: "" };
  assert.deepEqual(containerUser("", [], none), { uid: 0, gid: 0, additionalGids: [0] });
  assert.deepEqual(containerUser("7:8", [], none), { uid: 7, gid: 8, additionalGids: [8] });
});

const bad: [spec: string, groups: string[], message: string][] = [
  ["nosuch", [], "unable to find user nosuch: no matching entries in passwd file"],
  ["a:b:c", [], "unable to find user a: no matching entries in passwd file"],
  ["root:nosuch", [], "unable to find group nosuch: no matching entries in group file"],
  ["root:a:b", [], "unable to find group a:b: no matching entries in group file"],
  ["-1", [], "uids and gids must be in range 0-2147483647"],
  ["99999999999", [], "uids and gids must be in range 0-2147483647"],
  ["0:-1", [], "uids and gids must be in range 0-2147483647"],
  ["", ["nosuch"], "Unable to find group nosuch: no matching entries in group file"],
];

test("what is not there is refused in Docker's words", () => {
  for (const [spec, groups, message] of bad)
    assert.throws(
      () => containerUser(spec, groups, files),
      (error) => isFailure(error, "invalid") && error.message === message,
      `${spec}: ${message}`,
    );
});

test("broken lines do no harm", () => {
  const broken = { passwd: "x\n:::\nroot:x:zero:one\njo:x:5:6", group: "y\nz:x\njo:x:abc:jo" };
  assert.deepEqual(containerUser("jo", [], broken), { uid: 5, gid: 6, additionalGids: [6, 0] });
});
