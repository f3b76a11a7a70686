import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { isFailure } from "../errors.ts";
import { defaultDetachKeys, DetachFilter, parseDetachKeys } from "./detach_keys.ts";

test("key names become the bytes that a terminal sends", () => {
  assert.deepEqual([...parseDetachKeys(defaultDetachKeys)], [16, 17]);
  assert.deepEqual(
    [...parseDetachKeys("a,ctrl-a,ctrl-@,ctrl-[,ctrl-\\,ctrl-],ctrl-^,ctrl-_,DEL")],
    [97, 1, 0, 27, 28, 29, 30, 31, 127],
  );
  assert.deepEqual([...parseDetachKeys("")], []);
  for (const bad of ["ab", "ctrl-", "ctrl-1", "ctrl-A", "del", "a,", "alt-x", "é"])
    assert.throws(
      () => parseDetachKeys(bad),
      (error) => isFailure(error, "invalid"),
      bad,
    );
});

/** Types chunk by chunk; what passed, and whether it ended in a detach. */
function type(keys: string, chunks: readonly string[]): [passed: string, detached: boolean] {
  const filter = new DetachFilter(parseDetachKeys(keys));
  let passed = "";
  for (const chunk of chunks) {
    const { pass, detached } = filter.take(Buffer.from(chunk, "latin1"));
    passed += Buffer.from(pass).toString("latin1");
    if (detached) return [passed, true];
  }
  return [passed, false];
}

test("the sequence is found whole, cut, and after false starts", () => {
  assert.deepEqual(type("ctrl-p,ctrl-q", ["ab\x10\x11cd"]), ["ab", true]);
  assert.deepEqual(type("ctrl-p,ctrl-q", ["ab\x10", "\x11"]), ["ab", true]);
  assert.deepEqual(type("ctrl-p,ctrl-q", ["\x10\x10\x11"]), ["\x10", true]);
  assert.deepEqual(type("ctrl-p,ctrl-q", ["\x10x", "\x11"]), ["\x10x\x11", false]);
  assert.deepEqual(type("ctrl-p,ctrl-q", ["\x10", "x\x10"]), ["\x10x", false]);
  assert.deepEqual(type("", ["\x10\x11"]), ["\x10\x11", false]);
});

test("without the sequence nothing is lost but a beginning that is still open", () => {
  const text = fc.array(fc.string({ unit: fc.constantFrom("a", "\x10", "\x11") }), { maxLength: 8 });
  const property = fc.property(text, (chunks) => {
    const typed = chunks.join("");
    const [passed, detached] = type("ctrl-p,ctrl-q", chunks);
    const at = typed.indexOf("\x10\x11");
    assert.equal(detached, at >= 0);
    const expected = detached ? typed.slice(0, at) : typed.endsWith("\x10") ? typed.slice(0, -1) : typed;
    assert.equal(passed, expected);
  });
  fc.assert(property, { numRuns: 500 });
});
