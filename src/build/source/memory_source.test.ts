import assert from "node:assert/strict";
import { test } from "node:test";
import { sourceSuite, sourceTime } from "../../../test/suites/source_suite.ts";
import { memorySource } from "./index.ts";

sourceSuite(
  "memory",
  async (files) => {
    const contents = files.flatMap(({ path, content, mode }) =>
      content === undefined
        ? []
        : [[path, { content, mtime: sourceTime, ...(mode !== undefined && { mode }) }] as const],
    );
    const tree = memorySource(new Map(contents));
    return { tree, [Symbol.asyncDispose]: async () => tree[Symbol.dispose]() };
  },
  { filesOnly: true },
);

test("a here-document is an ordinary file of now, in UTF-8", () => {
  const start = Math.floor(Date.now() / 1000);
  using tree = memorySource(new Map([["EOF", { content: "é\n" }]]), { name: "here" });
  assert.equal(tree.name, "here");
  assert.equal(Buffer.from(tree.read("EOF")).toString("latin1"), "\xc3\xa9\n");
  const stat = tree.stat("EOF");
  assert.equal(stat?.mode, 0o644);
  assert.ok(stat !== undefined && stat.mtime >= start);
});

test("a path that is no path of a file is refused", () => {
  for (const path of ["", "/a", "a/../b", "a//b", "a/"])
    assert.throws(() => memorySource(new Map([[path, { content: "" }]])), { kind: "invalid" }, path);
  const both = new Map([
    ["a", { content: "" }],
    ["a/b", { content: "" }],
  ]);
  assert.throws(() => memorySource(both), { kind: "invalid" });
});
