import assert from "node:assert/strict";
import { test } from "node:test";
import { MemoryBranch, ReadView } from "./index.ts";

const owner = { uid: 0, gid: 0 };

function twoBranches(): readonly MemoryBranch[] {
  const [upper, lower] = [new MemoryBranch(), new MemoryBranch()];
  for (const branch of [upper, lower]) {
    branch.create("d", { kind: "directory", mode: 0o755, ...owner });
    branch.create("d/e", { kind: "directory", mode: 0o755, ...owner });
  }
  upper.create("d/e/f", { kind: "file", mode: 0o644, ...owner, content: Buffer.from("upper") });
  lower.create("d/e/f", { kind: "file", mode: 0o644, ...owner, content: Buffer.from("lower") });
  lower.create("d/e/g", { kind: "file", mode: 0o644, ...owner, content: Buffer.from("g") });
  lower.create("l", { kind: "symlink", mode: 0o777, ...owner, target: "d/e" });
  lower.create("d/e/loop", { kind: "symlink", mode: 0o777, ...owner, target: "loop" });
  lower.create("d/e/up", { kind: "symlink", mode: 0o777, ...owner, target: "../e/g" });
  return [upper, lower];
}

/** What a view says of a path: where it leads and from which layers. */
function said(view: ReadView, path: string, follow: boolean): string {
  try {
    const origin = view.lookup(path, { follow });
    return origin === undefined ? "nothing" : `${origin.path} ${origin.stat.kind} ${origin.layers.join()}`;
  } catch (error) {
    return String(error);
  }
}

test("a view that has met a path before says the same as one that meets it first", () => {
  const lowers = twoBranches();
  const names = [
    "d",
    "d/e",
    "d/e/f",
    "d/e/g",
    "d/e/none",
    "d/e/f/x",
    "d/e/loop",
    "d/e/loop/x",
    "d/e/up",
    "l",
    "l/g",
  ];
  const odd = [
    "",
    ".",
    "..",
    "/d/e/f",
    "d//e/f",
    "d/e/",
    "d/e/.",
    "d/e/..",
    "d/./e/g",
    "d/e/../e/g",
    "d/../l/g",
  ];
  const long = [`d/e/${"n".repeat(255)}`, `d/e/${"n".repeat(256)}`];
  const view = new ReadView({ dialect: "overlay2", lowers });
  const paths = [...names, ...odd, ...long];
  for (const path of [...paths, ...paths.toReversed(), ...paths]) {
    for (const follow of [false, true, false]) {
      const fresh = new ReadView({ dialect: "overlay2", lowers });
      assert.equal(said(view, path, follow), said(fresh, path, follow), `${path} ${follow}`);
    }
  }
  assert.equal(Buffer.from(view.read("d/e/f")).toString(), "upper");
  assert.equal(Buffer.from(view.read("l/g")).toString(), "g");
});
