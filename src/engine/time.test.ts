/** Times as Go prints them. */
import assert from "node:assert/strict";
import { suite, test } from "node:test";
import * as fc from "fast-check";
import { goTime, newestFirst } from "./time.ts";

suite("times", () => {
  test("zeros at the end of a fraction are cut", () => {
    assert.equal(goTime(Date.parse("2026-11-29T10:20:30.000Z")), "2026-11-29T10:20:30Z");
    assert.equal(goTime(Date.parse("2026-11-29T10:20:30.210Z")), "2026-11-29T10:20:30.21Z");
  });

  test("newest first, however many digits the fraction has", () => {
    const moment = fc.integer({
      min: Date.parse("2026-11-29T10:20:30Z"),
      max: Date.parse("2026-11-29T10:20:32Z"),
    });
    fc.assert(
      fc.property(fc.uniqueArray(moment), (moments) => {
        const all = moments.map((each) => ({ created: goTime(each), id: "", moment: each }));
        const sorted = newestFirst(all, (each) => each).map((each) => each.moment);
        assert.deepEqual(
          sorted,
          moments.toSorted((a, b) => b - a),
        );
      }),
    );
  });

  test("to the nanosecond, and of one moment by ID", () => {
    const all = [
      { created: "2026-11-29T10:20:30.123456788Z", id: "c" },
      { created: "2026-11-29T10:20:30.123456789Z", id: "b" },
      { created: "2026-11-29T10:20:30.123456789Z", id: "a" },
      { created: "2026-11-29T10:20:30.12Z", id: "d" },
    ];
    assert.deepEqual(
      newestFirst(all, (each) => each).map(({ id }) => id),
      ["a", "b", "c", "d"],
    );
  });
});
