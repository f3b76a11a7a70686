import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { test } from "node:test";
import { subdirectory } from "../../test/support/layer_help.ts";
import { scratch, unlessRoot } from "../../test/suites/scratch.ts";
import { compareTrees } from "./compare_trees.ts";

const make =
  "mkdir d; echo x > d/f; ln d/f d/g; ln -s f d/l; mkfifo p; mknod c c 1 3; touch -h -d @5 d/f d/l p c; touch -d @6 d";

const changes: [script: string, difference: RegExp][] = [
  ["rm p", /^"\/p": is only in the first$/],
  ["touch n", /^"\/n": is only in the second$/],
  ["chmod 600 p", /^"\/p": mode 10644 is 10600/],
  ["chown 1:2 c", /^"\/c": owner 0:0 is 1:2/],
  ["touch -d @5.000000001 p", /^"\/p": mtime 5.000000000 is 5.000000001/],
  ["touch -d @7 d", /^"\/d": mtime 6/],
  ["ln -sf g d/l; touch -h -d @5 d/l; touch -d @6 d", /^"\/d\/l": target f is g/],
  ["echo y > d/f; touch -d @5 d/f", /^"\/d\/f": content differs/],
  ["cp -p d/f d/h; mv d/h d/g; touch -d @6 d", /^"\/d\/g": hard link d\/f is d\/g/],
  ["rm c; mknod c c 1 5; touch -d @5 c", /^"\/c": device 1:3 is 1:5/],
  ["setfattr -n user.a -v 1 d/f", /^"\/d\/f": xattrs {2}is user.a=31/],
];

test("every kind of difference between two trees is told", { skip: unlessRoot }, () => {
  for (const [script, difference] of changes) {
    using at = scratch("compare");
    const [a, b] = [subdirectory(at.path, "a"), subdirectory(at.path, "b")];
    for (const path of [a, b]) execFileSync("sh", ["-ec", make], { cwd: path });
    assert.deepEqual(compareTrees(a, b), [], "equal before");
    execFileSync("sh", ["-ec", script], { cwd: b });
    assert.match(compareTrees(a, b)[0] ?? "none", difference, script);
  }
});

test("what is ignored is not told", { skip: unlessRoot }, () => {
  using at = scratch("compare");
  const [a, b] = [subdirectory(at.path, "a"), subdirectory(at.path, "b")];
  for (const path of [a, b]) execFileSync("sh", ["-ec", make], { cwd: path });
  execFileSync(
    "sh",
    ["-ec", "chown 7 p; touch -d @9 c d; setfattr -n user.a -v 1 d/f; cp -p d/f d/h; mv d/h d/g"],
    { cwd: b },
  );
  assert.deepEqual(compareTrees(a, b, { ignore: ["owners", "times", "xattrs", "links"] }), []);
  assert.equal(compareTrees(a, b, { ignore: ["owners", "directory times", "xattrs", "links"] }).length, 1);
});
