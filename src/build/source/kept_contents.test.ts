import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import files, * as fs from "node:fs";
import { syncBuiltinESMExports } from "node:module";
import { join } from "node:path";
import { mock, test } from "node:test";
import { noise } from "../../../test/fixtures/sample_image.ts";
import { scratch } from "../../../test/suites/scratch.ts";
import { KeptContents, type Content } from "./kept_contents.ts";

const sha256 = (bytes: Uint8Array): string => createHash("sha256").update(bytes).digest("hex");
const maximum = 100 << 20;
const wanting =
  (...contents: readonly Uint8Array[]) =>
  (): ReadonlySet<string> =>
    new Set(contents.map(sha256));

/** A disk with the folder of one context. */
class Disk implements Disposable {
  readonly #place = scratch("kept");
  readonly folder: string;

  constructor(folder?: string) {
    this.folder = folder ?? join(this.#place.path, "contents/context");
  }

  /** A build that has none of this, and gets it all. */
  build(...contents: readonly Uint8Array[]): KeptContents {
    const kept = new KeptContents(this.folder, this.#place.path);
    for (const bytes of contents) {
      const place = kept.spool.reserve(bytes.length);
      kept.spool.write(place, 0, bytes);
      kept.add(sha256(bytes), place);
    }
    return kept;
  }

  async keep(...contents: readonly Uint8Array[]): Promise<void> {
    using kept = this.build(...contents);
    await kept.save({ wanted: wanting(...contents), maximum });
  }

  /** What a later build finds of these. */
  async has(...contents: readonly Uint8Array[]): Promise<boolean[]> {
    using kept = this.build();
    const found: boolean[] = [];
    for (const bytes of contents) {
      const content = await kept.find(sha256(bytes), bytes.length);
      if (content !== undefined) assert.deepEqual(await whole(content), Buffer.from(bytes));
      found.push(content !== undefined);
    }
    return found;
  }

  packSize(): number {
    return fs.statSync(join(this.folder, this.#pack())).size;
  }

  /** Changes the pack's bytes. */
  damage(change: (bytes: Buffer) => Uint8Array): void {
    const path = join(this.folder, this.#pack());
    fs.writeFileSync(path, change(fs.readFileSync(path)));
  }

  #pack(): string {
    const [name, ...more] = fs.readdirSync(this.folder).filter((each) => each !== "index");
    assert.deepEqual(more, []);
    return name as string;
  }

  [Symbol.dispose](): void {
    this.#place[Symbol.dispose]();
  }
}

async function whole({ file, ...place }: Content): Promise<Buffer> {
  return Buffer.concat(await Array.fromAsync(file.chunks(place)));
}

const [small, other, empty] = [noise(1000, 1), noise(1000, 2), new Uint8Array()];
const large = noise((2 << 20) + 5, 3);

test("what builds have got is found by later ones, whatever its size", async () => {
  using disk = new Disk();
  assert.deepEqual(await disk.has(small), [false]);
  await disk.keep(small, large, empty);
  assert.deepEqual(await disk.has(small, large, empty, other), [true, true, true, false]);
  assert.equal(fs.statSync(disk.folder).mode & 0o777, 0o700);
  using again = disk.build(other);
  await again.save({ wanted: wanting(small, large, empty, other), maximum });
  assert.deepEqual(await disk.has(small, large, empty, other), [true, true, true, true]);
  // The first one's file has grown by what is new.
  assert.equal(disk.packSize(), large.length + 2000);
  assert.equal(await again.find(sha256(small), 999), undefined);
});

test("a build that was there before goes on reading; two at once keep both", async () => {
  using disk = new Disk();
  await disk.keep(small);
  using reading = disk.build();
  const found = await reading.find(sha256(small), small.length);
  using first = disk.build(other);
  using second = disk.build(large);
  await first.save({ wanted: wanting(small, other, large), maximum });
  await second.save({ wanted: wanting(small, other, large), maximum });
  assert.deepEqual(await disk.has(small, other, large), [true, true, true]);
  fs.rmSync(disk.folder, { recursive: true });
  assert.deepEqual(await whole(found!), Buffer.from(small));
  // Nor does it mind that all has gone meanwhile.
  using last = disk.build(other);
  await last.save({ wanted: wanting(other), maximum });
  assert.deepEqual(await disk.has(small, other), [false, true]);
});

test("what nobody can ask for any more takes no more room than the rest", async () => {
  using disk = new Disk();
  await disk.keep(large, small);
  for (let turn = 10; turn < 20; turn++) {
    const current = noise(2 << 20, turn);
    using kept = disk.build(current);
    await kept.save({ wanted: wanting(small, current), maximum });
    assert.deepEqual(await disk.has(small, current), [true, true]);
    assert.ok(disk.packSize() <= 2 * (current.length + small.length) + (1 << 20));
  }
});

test("what is larger than may be kept is not kept, nor what was before", async () => {
  using disk = new Disk();
  await disk.keep(small);
  using kept = disk.build(other);
  await kept.save({ wanted: wanting(small, other), maximum: 1999 });
  assert.equal(fs.existsSync(disk.folder), false);
  using unknown = disk.build(other);
  await unknown.save({ wanted: wanting(small), maximum });
  assert.equal(fs.existsSync(disk.folder), false);
  using fits = disk.build(large, other);
  await fits.save({ wanted: wanting(other), maximum: 1000 });
  assert.deepEqual([await disk.has(other, large), disk.packSize()], [[true, false], 1000]);
});

test("nothing that was damaged is found; what was got instead is", async () => {
  using disk = new Disk();
  const changes: readonly ((bytes: Buffer) => Uint8Array)[] = [
    (bytes) => bytes.subarray(0, 1500),
    (bytes) => bytes.map((byte, at) => (at === 1700 ? byte ^ 1 : byte)),
  ];
  for (const change of changes) {
    await disk.keep(small, other);
    disk.damage(change);
    assert.deepEqual(await disk.has(small, other), [true, false]);
    using kept = disk.build();
    assert.equal(await kept.find(sha256(other), 1000), undefined);
    const place = kept.spool.reserve(1000);
    kept.spool.write(place, 0, other);
    kept.add(sha256(other), place);
    await kept.save({ wanted: wanting(small, other), maximum });
    assert.deepEqual(await disk.has(small, other), [true, true]);
    fs.rmSync(disk.folder, { recursive: true });
  }
  await disk.keep(small);
  const index = join(disk.folder, "index");
  const bytes = fs.readFileSync(index);
  for (let at = 0; at < bytes.length; at += 3) {
    fs.writeFileSync(index, bytes.with(at, (bytes[at] as number) ^ 0x10));
    assert.deepEqual(await disk.has(small), [false]);
    fs.writeFileSync(index, bytes.subarray(0, at));
    assert.deepEqual(await disk.has(small), [false]);
  }
  await disk.keep(small);
  assert.deepEqual(await disk.has(small), [true]);
});

test("where it cannot be written the build goes on", async () => {
  using disk = new Disk();
  fs.mkdirSync(join(disk.folder, ".."));
  fs.writeFileSync(disk.folder, "");
  await disk.keep(small);
  assert.deepEqual(await disk.has(small), [false]);
});

/** Does `work`, and lays down in `place` what a process that is killed before each of its changes leaves of `folder`. */
async function leftovers(folder: string, place: string, work: () => Promise<void>): Promise<string[]> {
  const left: string[] = [];
  const copy = (): void => {
    const path = join(place, String(left.length));
    left.push(path);
    if (fs.existsSync(folder)) fs.cpSync(folder, path, { recursive: true });
  };
  let isCopying = false;
  const changes = [
    "mkdirSync",
    "openSync",
    "renameSync",
    "rmSync",
    "writeFileSync",
    "writeSync",
    "utimesSync",
  ];
  const functions = files as unknown as Record<string, (...args: unknown[]) => unknown>;
  const mocks = changes.map((name) => {
    const original = functions[name] as (...args: unknown[]) => unknown;
    return mock.method(functions, name, (...args: unknown[]) => {
      if (!isCopying) {
        isCopying = true;
        copy();
        isCopying = false;
      }
      return original(...args);
    });
  });
  syncBuiltinESMExports();
  try {
    await work();
  } finally {
    for (const each of mocks) each.mock.restore();
    syncBuiltinESMExports();
  }
  return left;
}

test("a kill at any step leaves what was there before or what is there now", async () => {
  using disk = new Disk();
  const current = noise(3000, 5);
  // The first time, one more content, and a file that is written anew.
  for (const [before, now] of [
    [[], [small]],
    [[small], [small, other]],
    [[large], [current]],
  ] as const) {
    fs.rmSync(disk.folder, { recursive: true, force: true });
    if (before.length > 0) await disk.keep(...before);
    using place = scratch("kept-killed");
    const left = await leftovers(disk.folder, place.path, () => disk.keep(...now));
    assert.ok(left.length >= 6);
    for (const [step, folder] of left.entries()) {
      using killed = new Disk(folder);
      const [was, is] = [await killed.has(...before), await killed.has(...now)];
      assert.ok(!was.includes(false) || !is.includes(false), `step ${step}`);
      // The next build finds its way, and takes away what the kill has left.
      await killed.keep(...now);
      assert.deepEqual(new Set(await killed.has(...now)), new Set([true]), `step ${step}`);
      assert.equal(fs.readdirSync(folder).length, 2);
    }
  }
});
