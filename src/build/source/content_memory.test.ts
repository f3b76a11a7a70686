import * as fc from "fast-check";
import assert from "node:assert/strict";
import * as fs from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { scratch } from "../../../test/suites/scratch.ts";
import { openContentMemory } from "./content_memory.ts";

const digest = (index: number): string => index.toString(16).padStart(64, "0");
const then = 1_700_000_000;
/** Milliseconds: long after. */
const later = (then + 100) * 1000;

const identity = {
  dev: 2049,
  ino: 77,
  size: 5,
  mtime: then - 1000,
  mtimeNs: 123_456_789,
  ctime: then,
  ctimeNs: 987_654_321,
};

test("what was set is found again by another process, and only of the same file", () => {
  using place = scratch("memory");
  const file = join(place.path, "new/directory/memory");
  const memory = openContentMemory(file);
  assert.equal(memory.get("a", identity), undefined);
  memory.set("a", identity, digest(1), later);
  memory.set("\xff/\xe9", { ...identity, ino: 2n ** 63n + 5n, mtime: -5 }, digest(2), later);
  assert.equal(memory.get("a", identity), digest(1));
  memory.save();
  assert.equal(fs.statSync(file).mode & 0o777, 0o600);
  const again = openContentMemory(file);
  assert.equal(again.get("a", identity), digest(1));
  assert.equal(again.get("\xff/\xe9", { ...identity, ino: 2n ** 63n + 5n, mtime: -5 }), digest(2));
  assert.equal(again.get("b", identity), undefined);
  for (const field of Object.keys(identity) as (keyof typeof identity)[])
    assert.equal(again.get("a", { ...identity, [field]: identity[field] + 1 }), undefined, field);
});

test("a file that was changed just before it was read is not remembered", () => {
  using place = scratch("memory");
  const memory = openContentMemory(join(place.path, "memory"));
  for (const since of [then, then + 1, then + 2]) {
    memory.set("a", identity, digest(1), since * 1000);
    assert.equal(memory.get("a", identity), undefined);
  }
  memory.set("a", identity, digest(1), (then + 3) * 1000);
  assert.equal(memory.get("a", identity), digest(1));
});

test("a change is remembered instead of what was", () => {
  using place = scratch("memory");
  const file = join(place.path, "memory");
  const first = openContentMemory(file);
  first.set("a", identity, digest(1), later);
  first.set("b", identity, digest(2), later);
  first.save();
  const second = openContentMemory(file);
  const changed = { ...identity, size: 6 };
  second.set("a", changed, digest(3), later);
  assert.equal(second.get("a", changed), digest(3));
  second.save();
  const third = openContentMemory(file);
  assert.equal(third.get("a", identity), undefined);
  assert.equal(third.get("a", changed), digest(3));
  assert.equal(third.get("b", identity), digest(2));
});

test("nothing is written where nothing is new", () => {
  using place = scratch("memory");
  const file = join(place.path, "memory");
  openContentMemory(file).save();
  assert.equal(fs.existsSync(file), false);
  const memory = openContentMemory(file);
  memory.set("a", identity, digest(1), later);
  memory.save();
  const { ino } = fs.statSync(file);
  const again = openContentMemory(file);
  again.get("a", identity);
  again.save();
  assert.equal(fs.statSync(file).ino, ino);
  assert.deepEqual(fs.readdirSync(place.path), ["memory"]);
});

test("what was not asked for goes first when there is too much", () => {
  using place = scratch("memory");
  const file = join(place.path, "memory");
  const first = openContentMemory(file);
  for (const name of ["a", "b", "c"]) first.set(name, identity, digest(1), later);
  first.save();
  const second = openContentMemory(file, { maximum: 2 });
  second.get("c", identity);
  second.set("d", identity, digest(2), later);
  second.save();
  const third = openContentMemory(file);
  const kept = ["a", "b", "c", "d"].filter((name) => third.get(name, identity) !== undefined);
  assert.deepEqual(kept, ["c", "d"]);
});

test("a memory that was damaged anywhere is empty, and is written anew", () => {
  using place = scratch("memory");
  const file = join(place.path, "memory");
  const write = (): void => {
    const memory = openContentMemory(file);
    memory.set("a", identity, digest(1), later);
    memory.save();
  };
  write();
  const whole = fs.readFileSync(file);
  const damaged = fc.oneof(
    fc.nat(whole.length - 1).map((length) => whole.subarray(0, length)),
    fc.tuple(fc.nat(whole.length - 1), fc.integer({ min: 1, max: 255 })).map(([at, change]) => {
      const bytes = Buffer.from(whole);
      bytes[at] = (bytes[at] as number) ^ change;
      return bytes;
    }),
    fc.constant(Buffer.concat([whole, Buffer.from("x")])),
  );
  fc.assert(
    fc.property(damaged, (bytes) => {
      fs.writeFileSync(file, bytes);
      assert.equal(openContentMemory(file).get("a", identity), undefined);
    }),
    { numRuns: 300 },
  );
  write();
  assert.equal(openContentMemory(file).get("a", identity), digest(1));
});

test("where it cannot be written the build goes on", () => {
  using place = scratch("memory");
  fs.writeFileSync(join(place.path, "file"), "");
  const memory = openContentMemory(join(place.path, "file/memory"));
  memory.set("a", identity, digest(1), later);
  memory.save();
  assert.equal(memory.get("a", identity), digest(1));
});
