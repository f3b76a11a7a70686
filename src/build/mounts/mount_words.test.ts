import assert from "node:assert/strict";
import { test } from "node:test";
import { isFailure } from "../../errors.ts";
import { accessOf, sizeOf, targetOf } from "./mount_words.ts";

test("a target is absolute, or starts in the working directory; it is never the root", () => {
  const at = (target: string): string => targetOf({ type: "bind", target }, "/work");
  assert.deepEqual(["/a/b/", "c/../d", ".", "/../x"].map(at), ["/a/b", "/work/d", "/work", "/x"]);
  for (const target of ["/", "..", "", "/a/.."]) assert.throws(() => at(target), isInvalid, target);
});

test("sizes are Docker's", () => {
  assert.deepEqual(["512", "1k", "64m", "1.5g", "2 GiB", "1tb"].map(sizeOf), [
    512,
    1024,
    64 << 20,
    1.5 * 2 ** 30,
    2 ** 31,
    2 ** 40,
  ]);
  for (const text of ["", "m", "-1", "1x", "1e3"]) assert.throws(() => sizeOf(text), isInvalid, text);
});

test("modes are octal, owners numbers", () => {
  const access = accessOf({ type: "cache", mode: "1777", uid: "1", gid: "2" }, 0o755);
  assert.deepEqual(access, { mode: 0o1777, uid: 1, gid: 2 });
  assert.deepEqual(accessOf({ type: "cache" }, 0o755), { mode: 0o755, uid: 0, gid: 0 });
  for (const wrong of [{ mode: "9" }, { mode: "u+x" }, { uid: "jo" }, { gid: "-1" }])
    assert.throws(() => accessOf({ type: "cache", ...wrong }, 0), isInvalid);
});

const isInvalid = (error: unknown): boolean => isFailure(error, "invalid");
