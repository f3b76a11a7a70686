import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { childOf, layerPath, nameOf, parentOf } from "./layer_path.ts";

const cases: [spelled: string, path: string][] = [
  ["a/b", "a/b"],
  ["./a/b", "a/b"],
  ["a/b/", "a/b"],
  ["/a//b/./c/", "a/b/c"],
  ["../evil", "evil"],
  ["/abs/evil", "abs/evil"],
  ["a/../../b", "b"],
  ["a/b/..", "a"],
  ["..a/...", "..a/..."],
  [".", ""],
  ["./", ""],
  ["/", ""],
  ["", ""],
  ["..", ""],
];

test("B013 a path in a tar is a path inside the layer", () => {
  for (const [spelled, path] of cases) assert.equal(layerPath(spelled), path, spelled);
});

test("paths that no system call takes are refused", () => {
  assert.throws(() => layerPath("a\0b"), { kind: "invalid", message: /NUL byte/ });
  assert.throws(() => layerPath("n".repeat(256)), { kind: "invalid", message: /256 bytes, over 255/ });
  assert.throws(() => layerPath("a/".repeat(2048) + "b"), { kind: "invalid", message: /over 4095/ });
  assert.equal(layerPath("n".repeat(255)).length, 255);
  assert.equal(layerPath("a/".repeat(2047) + "b").length, 4095);
});

test("any path comes out tidy, and stays as it is the second time", () => {
  const part = fc.constantFrom("", ".", "..", "a", "..b", ".wh.c", "d.");
  fc.assert(
    fc.property(fc.array(part), (parts) => {
      const path = layerPath(parts.join("/"));
      assert.equal(layerPath(path), path);
      for (const name of path === "" ? [] : path.split("/"))
        assert.ok(name !== "" && name !== "." && name !== "..");
      if (path !== "") assert.equal(childOf(parentOf(path), nameOf(path)), path);
    }),
  );
});
