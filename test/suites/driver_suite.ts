/** What every storage driver must do, as tests. A new driver is done when it passes. */
import assert from "node:assert/strict";
import * as fs from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import type { CacheId, Driver } from "../../src/driver/index.ts";
import { readTar } from "../../src/tar/index.ts";
import {
  changesOf,
  inRoot,
  live,
  contentOf,
  makeImageLayer,
  makeLayer,
  newCacheId,
  tarOf,
  unpack,
  directoryOf,
} from "./driver_helpers.ts";
import { changeBottom, fillBottom, storm } from "./root_fixture.ts";
import { scratch } from "./scratch.ts";
import { treeOf } from "./tree_of.ts";

export interface DriverSuiteOptions {
  /** Reason to skip all of it, or false. */
  readonly skip: string | false;
}

type Base = { readonly driver: Driver; readonly base: CacheId };

/** A small root filesystem of two layers, the upper of which is returned. */
async function makeBase(driver: Driver): Promise<CacheId> {
  // The diff of full copies goes by size and time, which quick changes leave as they were.
  const make = driver.name === "vfs" ? makeLayer : makeImageLayer;
  return make(driver, await make(driver, undefined, fillBottom), changeBottom);
}

/** Registers the tests. @param factory makes the driver under test on an empty data root */
export function driverSuite(
  name: string,
  factory: (dataRoot: string) => Driver,
  options: DriverSuiteOptions,
): void {
  const { skip } = options;
  const add = (title: string, body: (driver: Driver, dataRoot: string) => Promise<void>): void => {
    test(`${name}: ${title}`, { skip }, async () => {
      using dir = scratch("driver");
      await body(factory(dir.path), dir.path);
    });
  };
  const addOnBase = (title: string, body: (given: Base) => Promise<void>): void =>
    add(title, async (driver) => body({ driver, base: await makeBase(driver) }));
  lifecycleTests(add);
  viewTests(addOnBase);
  isolationTests(addOnBase);
  changesTests(addOnBase);
  diffTests(addOnBase);
}

type Add = (title: string, body: (driver: Driver, dataRoot: string) => Promise<void>) => void;
type AddOnBase = (title: string, body: (given: Base) => Promise<void>) => void;

function lifecycleTests(add: Add): void {
  add("create, target, list, remove", async (driver) => {
    assert.deepEqual(await driver.list(), []);
    const [base, child] = [newCacheId(), `${newCacheId()}-init`];
    await driver.create(base, undefined, { writable: true });
    fs.writeFileSync(join(directoryOf(driver, base).directory, "f"), "x");
    await driver.create(child, base, { writable: true });
    assert.deepEqual(await driver.list(), [base, child].sort());
    assert.equal(await inRoot(driver, child, (root) => fs.readFileSync(join(root, "f"), "utf8")), "x");
    await driver.remove(child);
    assert.deepEqual(await driver.list(), [base]);
    await driver.remove(base);
    await driver.remove(base);
    assert.deepEqual(await driver.list(), []);
    assert.equal(fs.existsSync(contentOf(driver, base)), false);
  });

  add("lock files that a killed removal has left go when it is done again", async (driver, dataRoot) => {
    const id = await (driver.name === "vfs" ? makeLayer : makeImageLayer)(driver, undefined, () => undefined);
    await inRoot(driver, id, () => undefined);
    await driver.remove(id);
    const locks = join(dataRoot, "varve/mounts");
    const keys = [id, `${id}.view`, ...(driver.name === "erofs" ? [`${id}.image`] : [])];
    for (const key of keys)
      for (const kind of ["gate", "users"]) fs.writeFileSync(join(locks, `${key}.${kind}`), "");
    await driver.remove(id);
    assert.deepEqual(fs.readdirSync(locks), []);
  });

  add("an ID that exists, a parent that does not, a name that is a path", async (driver) => {
    const id = newCacheId();
    await driver.create(id, undefined, { writable: true });
    await assert.rejects(driver.create(id, undefined), { kind: "conflict" });
    const orphan = newCacheId();
    await assert.rejects(driver.create(orphan, newCacheId()), { kind: "not-found" });
    assert.deepEqual(await driver.list(), [id], "a failed create leaves nothing");
    await assert.rejects(driver.mount(orphan), { kind: "not-found" });
    for (const bad of ["", "..", "../x", "l", "a/b", "A".repeat(64)]) {
      await assert.rejects(driver.create(bad, undefined), { kind: "invalid" }, bad);
    }
  });

  add("what is mounted cannot be removed; several holders share one mount", async (driver) => {
    const id = await makeLayer(driver, await makeLayer(driver, undefined));
    const first = await driver.mount(id);
    const second = await driver.mount(id);
    assert.equal(first.path, second.path);
    fs.writeFileSync(join(first.path, "f"), "seen by both");
    await first[Symbol.asyncDispose]();
    await first[Symbol.asyncDispose]();
    assert.equal(fs.readFileSync(join(second.path, "f"), "utf8"), "seen by both");
    await assert.rejects(driver.remove(id), { kind: "conflict" });
    await second[Symbol.asyncDispose]();
    await driver.remove(id);
    assert.equal((await driver.list()).includes(id), false);
  });
}

function viewTests(add: AddOnBase): void {
  add(
    "B016 directories merge, each name once; B017 the uppermost wins, of any kind",
    async ({ driver, base }) => {
      const top = await makeLayer(driver, base);
      await inRoot(driver, top, (root) => {
        assert.deepEqual(fs.readdirSync(join(root, "etc/conf.d")).sort(), ["a", "b", "c"]);
        assert.equal(fs.readFileSync(join(root, "etc/conf.d/a"), "utf8"), "a2");
        assert.equal(fs.readFileSync(join(root, "etc/conf.d/b"), "utf8"), "b1");
        assert.equal(fs.statSync(join(root, "etc/conf.d")).mode & 0o7777, 0o711);
        assert.equal(fs.readFileSync(join(root, "was-directory"), "utf8"), "file now");
        assert.deepEqual(fs.readdirSync(join(root, "was-file")), ["inside"]);
        assert.equal(fs.readlinkSync(join(root, "etc/link")), "profile");
      });
    },
  );

  add("B020 B021 B022 a file is read from the highest layer that has it", async ({ driver, base }) => {
    const top = await makeLayer(driver, base);
    await inRoot(driver, top, (root) => {
      const read = (path: string): string => fs.readFileSync(join(root, path), "utf8");
      assert.equal(read("bin/tool"), "tool of the first layer");
      fs.writeFileSync(join(root, "new"), "only here");
      assert.equal(read("new"), "only here");
      fs.appendFileSync(join(root, "etc/conf.d/a"), "+");
      assert.equal(read("etc/conf.d/a"), "a2+");
    });
  });

  add("B012 a read-only mount refuses every write with EROFS", async ({ driver, base }) => {
    const top = await makeLayer(driver, base);
    const before = treeOf(directoryOf(driver, top).directory);
    await inRoot(
      driver,
      top,
      (root) => {
        assert.equal(fs.readFileSync(join(root, "etc/profile"), "utf8"), "first");
        assert.throws(() => fs.writeFileSync(join(root, "new"), ""), { code: "EROFS" });
        assert.throws(() => fs.appendFileSync(join(root, "etc/profile"), "x"), { code: "EROFS" });
        assert.throws(() => fs.unlinkSync(join(root, "etc/profile")), { code: "EROFS" });
        assert.throws(() => fs.chmodSync(join(root, "etc"), 0o700), { code: "EROFS" });
      },
      { readOnly: true },
    );
    assert.deepEqual(treeOf(directoryOf(driver, top).directory), before);
  });

  add("B012 a read-only mount of what somebody writes to shows what he writes", async ({ driver, base }) => {
    const top = await makeLayer(driver, base);
    await inRoot(driver, top, async (writable) => {
      fs.writeFileSync(join(writable, "new"), "1");
      await inRoot(
        driver,
        top,
        (root) => {
          assert.equal(fs.readFileSync(join(root, "new"), "utf8"), "1");
          assert.throws(() => fs.writeFileSync(join(root, "new"), ""), { code: "EROFS" });
          fs.writeFileSync(join(writable, "new"), "2");
          assert.equal(fs.readFileSync(join(root, "new"), "utf8"), "2");
        },
        { readOnly: true },
      );
    });
    assert.equal(await inRoot(driver, top, (root) => fs.readFileSync(join(root, "new"), "utf8")), "2");
  });
}

function isolationTests(add: AddOnBase): void {
  add("B009 B024 B030 a storm of changes touches no layer below", async ({ driver, base }) => {
    const below = (await driver.list()).map((id) => contentOf(driver, id));
    const before = below.map((path) => treeOf(path));
    const top = await makeLayer(driver, base, storm);
    assert.deepEqual(
      below.map((path) => treeOf(path)),
      before,
    );
    await inRoot(driver, top, (root) => {
      assert.equal(fs.readFileSync(join(root, "etc/profile"), "utf8"), "overwritten");
      assert.throws(() => fs.statSync(join(root, "data/sub")), { code: "ENOENT" });
    });
  });

  add("B010 two containers of one image do not see each other's edits", async ({ driver, base }) => {
    const [one, two] = [await makeLayer(driver, base), await makeLayer(driver, base)];
    await inRoot(driver, one, async (first) => {
      await inRoot(driver, two, (second) => {
        fs.writeFileSync(join(first, "etc/profile"), "mine");
        fs.rmSync(join(first, "bin/tool"));
        assert.equal(fs.readFileSync(join(second, "etc/profile"), "utf8"), "first");
        assert.equal(fs.readFileSync(join(second, "bin/tool"), "utf8"), "tool of the first layer");
      });
    });
    assert.deepEqual(await changesOf(driver, two), []);
  });
}

function changesTests(add: AddOnBase): void {
  add("B097 changes compares merged views, parents as C, sorted by path", async ({ driver, base }) => {
    const top = await makeLayer(driver, base, (root) => {
      fs.writeFileSync(join(root, "etc/profile"), "changed");
      fs.writeFileSync(join(root, "bin/new"), "");
      fs.mkdirSync(join(root, "added"));
      fs.writeFileSync(join(root, "added/inside"), "");
      fs.rmSync(join(root, "data/sub"), { recursive: true });
      fs.rmSync(join(root, "etc/conf.d/b"));
      fs.chmodSync(join(root, "var/empty"), 0o700);
    });
    assert.deepEqual(await changesOf(driver, top), [
      "A /added",
      "A /added/inside",
      "C /bin",
      "A /bin/new",
      "C /data",
      "D /data/sub",
      "C /etc",
      "C /etc/conf.d",
      "D /etc/conf.d/b",
      "C /etc/profile",
      "C /var",
      "C /var/empty",
    ]);
  });

  add(
    "B008 an untouched layer has no changes; B097 nor has a copy-up that changed nothing",
    async ({ driver, base }) => {
      const top = await makeLayer(driver, base);
      assert.deepEqual(await changesOf(driver, top), []);
      await inRoot(driver, top, (root) => {
        fs.closeSync(fs.openSync(join(root, "bin/tool"), "a"));
        fs.chmodSync(join(root, "etc/profile"), fs.statSync(join(root, "etc/profile")).mode);
      });
      assert.deepEqual(await changesOf(driver, top), []);
    },
  );

  add("B097 everything in a base layer is an addition", async ({ driver }) => {
    const base = await makeLayer(driver, undefined, (root) => {
      fs.mkdirSync(join(root, "d"));
      fs.writeFileSync(join(root, "d/f"), "");
    });
    assert.deepEqual(await changesOf(driver, base), ["A /d", "A /d/f"]);
  });
}

function diffTests(add: AddOnBase): void {
  add(
    "B029 B030 B032 the layer tar: additions as they are, a deletion as one whiteout",
    async ({ driver, base }) => {
      const top = await makeLayer(driver, base, (root) => {
        fs.mkdirSync(join(root, "new"));
        fs.writeFileSync(join(root, "new/f"), "");
        fs.rmSync(join(root, "data"), { recursive: true });
        fs.rmSync(join(root, "etc/link"));
      });
      const tar = await tarOf(driver, top);
      assert.deepEqual([...tar].sort(), [
        "directory etc/",
        "directory new/",
        "file .wh.data",
        "file etc/.wh.link",
        "file new/f",
      ]);
      assert.ok(tar.indexOf("directory etc/") < tar.indexOf("file etc/.wh.link"), "parents come first");
    },
  );

  add("B031 what was made and deleted in the layer leaves nothing", async ({ driver, base }) => {
    const top = await makeLayer(driver, base, (root) => {
      fs.writeFileSync(join(root, "var/empty/f"), "");
      fs.rmSync(join(root, "var/empty/f"));
    });
    const names = await tarOf(driver, top);
    assert.equal(
      names.some((entry) => entry.includes(".wh.") || entry.includes("/f")),
      false,
      names.join(),
    );
  });

  add("B036 a renamed file is one addition and one whiteout", async ({ driver, base }) => {
    const top = await makeLayer(driver, base, (root) => {
      fs.renameSync(join(root, "etc/profile"), join(root, "etc/moved"));
    });
    assert.deepEqual((await tarOf(driver, top)).sort(), [
      "directory etc/",
      "file etc/.wh.profile",
      "file etc/moved",
    ]);
  });

  add(
    "B042 hard links in a layer: the first in walk order is the file, the others link to it",
    async ({ driver, base }) => {
      const top = await makeLayer(driver, base, (root) => {
        fs.writeFileSync(join(root, "z"), "content");
        fs.linkSync(join(root, "z"), join(root, "b"));
        fs.linkSync(join(root, "z"), join(root, "bin/m"));
      });
      const links = new Map<string, string>();
      for await (const { entry } of readTar(driver.diff(top, live))) {
        if (entry.type === "file" || entry.type === "hardlink") links.set(entry.path, entry.linkPath);
      }
      assert.deepEqual(
        [...links],
        [
          ["b", ""],
          ["bin/m", "b"],
          ["z", "b"],
        ],
      );
    },
  );

  add("B043 a layer tar unpacked onto the parent gives the same view again", async ({ driver, base }) => {
    const top = await makeLayer(driver, base, storm);
    const again = newCacheId();
    await driver.create(again, base);
    await unpack(driver, top, again);
    const viewOf = (root: string): Map<string, string> => {
      const view = treeOf(root, { wholeSeconds: true });
      // The root belongs to the driver: no layer tar changes its time.
      view.delete(".");
      return view;
    };
    assert.deepEqual(await inRoot(driver, again, viewOf), await inRoot(driver, top, viewOf));
  });
}
