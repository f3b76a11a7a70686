import * as fc from "fast-check";
import assert from "node:assert/strict";
import { existsSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { scratch } from "../../../test/suites/scratch.ts";
import { dropShared, forEachPart, readShared, type SharedRange, writeShared } from "./shared_ranges.ts";

const range = (offset: number, length: number): SharedRange => ({
  offset,
  length,
  donor: "ab".repeat(32),
  donorOffset: 512,
});

test("what is written is read again, in order; a changed byte is told", () => {
  using at = scratch("shared");
  const target = { tar: join(at.path, "layer.tar") };
  assert.deepEqual(readShared(target), []);
  writeShared(target, [range(4096, 100), range(512, 70)]);
  assert.deepEqual(readShared(target), [range(512, 70), range(4096, 100)]);
  writeFileSync(join(at.path, "shared"), "varve shared 1 x\n[]\n");
  assert.throws(() => readShared(target), { kind: "corrupt" });
});

test("links without a record are damage, and both go together", () => {
  using at = scratch("shared");
  const target = { tar: join(at.path, "layer.tar") };
  writeShared(target, [range(512, 70)]);
  mkdirSync(join(at.path, "lent"));
  rmSync(join(at.path, "shared"));
  assert.throws(() => readShared(target), { kind: "corrupt", message: /shared is missing/ });
  dropShared(target);
  assert.deepEqual(readShared(target), []);
  assert.deepEqual([existsSync(join(at.path, "shared")), existsSync(join(at.path, "lent"))], [false, false]);
});

test("a stretch falls into its parts, whatever ranges there are", () => {
  const gaps = fc.array(fc.tuple(fc.nat(5), fc.integer({ min: 1, max: 6 })), { maxLength: 6 });
  fc.assert(
    fc.property(gaps, fc.nat(40), fc.nat(40), (list, offset, length) => {
      let at = 0;
      const ranges = list.map(([gap, size]) => {
        const made = range(at + gap, size);
        at = made.offset + size;
        return made;
      });
      const covering = (byte: number) => ranges.find((r) => r.offset <= byte && byte < r.offset + r.length);
      let next = offset;
      forEachPart(ranges, offset, length, (from, to, found) => {
        assert.equal(from, next);
        assert.ok(from < to);
        for (let byte = from; byte < to; byte++) assert.equal(covering(byte), found);
        next = to;
      });
      assert.equal(next, offset + length);
    }),
  );
});
