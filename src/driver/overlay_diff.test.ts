/** Layer tars of what the kernel leaves in an upper directory. */
import assert from "node:assert/strict";
import * as fs from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { changesOf, inRoot, live, makeLayer, tarOf, directoryOf } from "../../test/suites/driver_helpers.ts";
import { overlaySkip } from "../../test/suites/overlay_skip.ts";
import { scratch } from "../../test/suites/scratch.ts";
import * as sys from "../sys/index.ts";
import { readTar } from "../tar/index.ts";
import { createOverlay2, type Driver } from "./index.ts";

const skip = overlaySkip;

/** Runs `body` with a driver on a fresh `overlay2/`. */
async function given(body: (driver: Driver, home: string) => Promise<void>): Promise<void> {
  using dir = scratch("overlay2");
  const home = join(dir.path, "overlay2");
  await body(createOverlay2({ root: home }), home);
}

/** A base with a directory and two files, and an empty layer on it. */
async function makeSmallStack(driver: Driver): Promise<string> {
  const base = await makeLayer(driver, undefined, (root) => {
    fs.mkdirSync(join(root, "directory"));
    fs.writeFileSync(join(root, "directory/one"), "content of one");
    fs.writeFileSync(join(root, "directory/two"), "content of two");
    fs.writeFileSync(join(root, "file"), "content of file", { mode: 0o644 });
  });
  return makeLayer(driver, base);
}

test(
  "B035 an opaque directory: the mark follows the directory in the layer tar, before its children",
  { skip },
  async () => {
    await given(async (driver) => {
      const top = await makeSmallStack(driver);
      await inRoot(driver, top, (root) => {
        fs.rmSync(join(root, "directory"), { recursive: true });
        fs.mkdirSync(join(root, "directory"));
        fs.writeFileSync(join(root, "directory/new"), "");
      });
      assert.deepEqual(await tarOf(driver, top), [
        "directory directory/",
        "file directory/.wh..wh..opq",
        "file directory/new",
      ]);
      assert.deepEqual(await changesOf(driver, top), [
        "C /directory",
        "A /directory/new",
        "D /directory/one",
        "D /directory/two",
      ]);
    });
  },
);

test(
  "B045 B046 whiteouts that share an inode are files of their own; no overlay attribute gets into the tar",
  { skip },
  async () => {
    await given(async (driver) => {
      const top = await makeSmallStack(driver);
      await inRoot(driver, top, (root) => {
        for (const name of ["one", "two"]) fs.unlinkSync(join(root, "directory", name));
        fs.chmodSync(join(root, "file"), 0o600);
      });
      const upper = directoryOf(driver, top).directory;
      // The kernel has written these: the test would prove nothing without.
      assert.ok(sys.listXattrAt(sys.AT_FDCWD, join(upper, "file")).length > 0);
      assert.ok(fs.lstatSync(join(upper, "directory/one")).nlink > 1);
      for await (const { entry } of readTar(driver.diff(top, live))) {
        assert.notEqual(entry.type, "hardlink");
        assert.equal(entry.xattrs, undefined, entry.path);
      }
    });
  },
);

test(
  "B038 B039 what a mount with redirect_dir and metacopy left comes out of the tar whole",
  { skip },
  async () => {
    await given(async (driver, home) => {
      const top = await makeSmallStack(driver);
      const merged = join(home, top, "merged");
      fs.mkdirSync(merged);
      const lower = join(home, fs.readFileSync(join(home, top, "lower"), "latin1"));
      const layers = `lowerdir=${lower},upperdir=${home}/${top}/diff,workdir=${home}/${top}/work`;
      sys.mount("overlay", merged, "overlay", 0, `redirect_dir=on,metacopy=on,${layers}`);
      try {
        fs.renameSync(join(merged, "directory"), join(merged, "moved"));
        fs.chmodSync(join(merged, "file"), 0o751);
      } finally {
        sys.unmount(merged);
        fs.rmdirSync(merged);
      }
      const upper = directoryOf(driver, top).directory;
      assert.deepEqual(fs.readdirSync(join(upper, "moved")), [], "only a redirect lies on disk");
      assert.equal(
        fs.readFileSync(join(upper, "file"), "latin1"),
        "\0".repeat(15),
        "only attributes lie on disk",
      );
      const contents: [string, string, number][] = [];
      for await (const { entry, body } of readTar(driver.diff(top, live))) {
        // The mark may be there, as nothing of what lies below the new name shows.
        if (entry.path === "moved/.wh..wh..opq") continue;
        const chunks = await Array.fromAsync(body);
        contents.push([entry.path, Buffer.concat(chunks).toString("latin1"), entry.mode]);
      }
      assert.deepEqual(contents, [
        [".wh.directory", "", 0o600],
        ["file", "content of file", 0o751],
        ["moved/", "", 0o755],
        ["moved/one", "content of one", 0o644],
        ["moved/two", "content of two", 0o644],
      ]);
    });
  },
);

test(
  "a diff that somebody still reads keeps its layer from being removed, and a left mount is ended",
  { skip },
  async () => {
    await given(async (driver, home) => {
      const top = await makeSmallStack(driver);
      const root = await driver.mount(top);
      fs.writeFileSync(join(root.path, "new"), "");
      const diff = driver.diff(top, live)[Symbol.asyncIterator]();
      await diff.next();
      await root[Symbol.asyncDispose]();
      await assert.rejects(driver.remove(top), { kind: "conflict" });
      await diff.return?.();
      assert.equal(fs.existsSync(join(home, top, "merged")), false);
      await driver.remove(top);
    });
  },
);
