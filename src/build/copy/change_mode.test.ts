import assert from "node:assert/strict";
import { test } from "node:test";
import { parseModeChange } from "./change_mode.ts";

/** Those without digits as GNU chmod has it with a umask of 0. */
const cases: readonly [change: string, before: number, file: number, directory?: number][] = [
  ["755", 0o600, 0o755],
  ["0644", 0o4755, 0o644],
  ["4711", 0o600, 0o4711],
  ["0", 0o777, 0],
  ["u+x", 0o644, 0o744],
  ["+x", 0o644, 0o755],
  ["a-w", 0o666, 0o444],
  ["u=rw,go=r", 0o777, 0o644],
  ["g=r", 0o4777, 0o4747],
  ["go=", 0o755, 0o700],
  ["a+X", 0o644, 0o644, 0o755],
  ["a+X", 0o744, 0o755, 0o755],
  ["u=rwX,go=rX", 0o600, 0o644, 0o755],
  ["u+s,g+s", 0o755, 0o6755],
  ["u-s", 0o6755, 0o2755],
  ["+t", 0o755, 0o1755],
  ["=", 0o7777, 0],
  ["g=u", 0o750, 0o770],
  ["o=g-w", 0o670, 0o675],
  ["u+rw-x", 0o100, 0o600],
  ["ug+rwx,o-rwx", 0o007, 0o770],
];

test("--chmod in digits and letters", () => {
  for (const [change, before, file, directory = file] of cases) {
    const { apply } = parseModeChange(change);
    assert.equal(apply(before, false).toString(8), file.toString(8), change);
    assert.equal(apply(before, true).toString(8), directory.toString(8), `${change} of a directory`);
  }
  assert.equal(parseModeChange("755").fixed, 0o755);
  assert.equal(parseModeChange("u+x").fixed, undefined);
});

test("--chmod that is none is refused, numbers in BuildKit's words", () => {
  for (const wrong of ["64a", "10000", "888", "99999999999999999999"]) {
    const message = `invalid chmod parameter: '${wrong}'. it should be octal string and between 0 and 07777`;
    assert.throws(() => parseModeChange(wrong), { kind: "invalid", message });
  }
  for (const wrong of ["", "u", "x", "u+q", "u+x,", "u+ug", "z=r", "-1"])
    assert.throws(() => parseModeChange(wrong), {
      kind: "invalid",
      message: `invalid chmod parameter: '${wrong}'`,
    });
});
