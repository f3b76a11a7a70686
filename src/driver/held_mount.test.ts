import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import * as fs from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { inRoot, makeLayer, newCacheId } from "../../test/suites/driver_helpers.ts";
import { overlaySkip } from "../../test/suites/overlay_skip.ts";
import { scratch } from "../../test/suites/scratch.ts";
import * as sys from "../sys/index.ts";
import { createOverlay2, type Driver } from "./index.ts";

const skip = overlaySkip;
const index = JSON.stringify(new URL("./index.ts", import.meta.url).href);

interface Given {
  readonly driver: Driver;
  readonly home: string;
  readonly id: string;
  readonly locks: string;
}

/** A container's layer on a base, not mounted. */
async function given(body: (given: Given) => Promise<void>): Promise<void> {
  using dir = scratch("held");
  const home = join(dir.path, "overlay2");
  const driver = createOverlay2({ root: home });
  const base = await makeLayer(driver, undefined, (root) => fs.writeFileSync(join(root, "f"), "base"));
  const id = newCacheId();
  await driver.create(id, base);
  await body({ driver, home, id, locks: join(dir.path, "varve/mounts") });
}

/** Another process that mounts `id`, says so, and lets go when its input ends. */
async function holder({ home, id }: Given): Promise<ChildProcess> {
  const script = `
    const { createOverlay2 } = await import(${index});
    const root = await createOverlay2({ root: ${JSON.stringify(home)} }).mount("${id}");
    console.log("held");
    process.stdin.resume().once("end", () => root[Symbol.asyncDispose]());`;
  const child = spawn(process.execPath, ["--input-type=module", "-e", script], {
    stdio: ["pipe", "pipe", "inherit"],
  });
  await once(child.stdout as NodeJS.ReadableStream, "data");
  return child;
}

const isMounted = ({ home, id }: Given): boolean =>
  sys.mountInfo().some((mount) => mount.mountPoint === `${home}/${id}/merged`);

test("the last holder of any process unmounts, and leaves no lock files", { skip }, async () => {
  await given(async (place) => {
    const child = await holder(place);
    const mine = await place.driver.mount(place.id);
    fs.writeFileSync(join(mine.path, "new"), "");
    child.stdin?.end();
    await once(child, "close");
    assert.ok(isMounted(place), "one holder is left");
    await mine[Symbol.asyncDispose]();
    assert.equal(isMounted(place), false);
    assert.deepEqual(fs.readdirSync(place.locks), []);
  });
});

test("what another process has mounted cannot be removed", { skip }, async () => {
  await given(async (place) => {
    const child = await holder(place);
    await assert.rejects(place.driver.remove(place.id), { kind: "conflict" });
    child.stdin?.end();
    await once(child, "close");
    await place.driver.remove(place.id);
    assert.equal(fs.existsSync(join(place.home, place.id)), false);
  });
});

test("the mount of a killed holder is taken over, then ended", { skip }, async () => {
  await given(async (place) => {
    const child = await holder(place);
    child.kill("SIGKILL");
    await once(child, "close");
    assert.ok(isMounted(place));
    await inRoot(place.driver, place.id, (root) =>
      assert.equal(fs.readFileSync(join(root, "f"), "utf8"), "base"),
    );
    assert.equal(isMounted(place), false);
  });
});

test("what a killed holder left writable is read-only for who asks so", { skip }, async () => {
  await given(async (place) => {
    const child = await holder(place);
    child.kill("SIGKILL");
    await once(child, "close");
    const write = (root: string): void => fs.writeFileSync(join(root, "new"), "");
    await inRoot(place.driver, place.id, (root) => assert.throws(() => write(root), { code: "EROFS" }), {
      readOnly: true,
    });
    assert.equal(isMounted(place), false);
    await inRoot(place.driver, place.id, write);
  });
});

test(
  "a layer that got a child while a dead process's mount was left is mounted anew, without upper layer",
  { skip },
  async () => {
    await given(async (place) => {
      const child = await holder(place);
      child.kill("SIGKILL");
      await once(child, "close");
      await place.driver.create(newCacheId(), place.id);
      await inRoot(place.driver, place.id, (root) => {
        assert.throws(() => fs.writeFileSync(join(root, "new"), ""), { code: "EROFS" });
      });
      assert.equal(isMounted(place), false);
    });
  },
);

test("the layer of a killed holder can be removed", { skip }, async () => {
  await given(async (place) => {
    const child = await holder(place);
    child.kill("SIGKILL");
    await once(child, "close");
    await place.driver.remove(place.id);
    assert.equal(isMounted(place), false);
    assert.equal((await place.driver.list()).includes(place.id), false);
  });
});

test(
  "B012 who only reads holds no writer up, and has no upper layer; what is read cannot be removed",
  { skip },
  async () => {
    await given(async ({ driver, id }) => {
      const reading = await driver.mount(id, { readOnly: true });
      const mount = sys.mountInfo().find((entry) => entry.mountPoint === reading.path);
      assert.equal(mount?.type, "overlay");
      assert.doesNotMatch(mount.superOptions, /upperdir/);
      await inRoot(driver, id, (root) => fs.writeFileSync(join(root, "new"), ""));
      assert.throws(() => fs.writeFileSync(join(reading.path, "new"), ""), { code: "EROFS" });
      await assert.rejects(driver.remove(id), { kind: "conflict" });
      await reading[Symbol.asyncDispose]();
      await driver.remove(id);
    });
  },
);

test("a mount in which somebody stands is detached and its name is gone", { skip }, async () => {
  await given(async (place) => {
    const root = await place.driver.mount(place.id);
    const fd = fs.openSync(join(root.path, "f"), "r");
    await root[Symbol.asyncDispose]();
    assert.equal(fs.existsSync(root.path), false);
    assert.equal(fs.readFileSync(fd, "utf8"), "base");
    fs.closeSync(fd);
  });
});

test("many at once: forty mounts of one layer, all let go", { skip }, async () => {
  await given(async (place) => {
    const held = await Promise.all(Array.from({ length: 40 }, () => place.driver.mount(place.id)));
    assert.equal(new Set(held.map((root) => root.path)).size, 1);
    await Promise.all(held.map((root) => root[Symbol.asyncDispose]()));
    assert.equal(isMounted(place), false);
    assert.deepEqual(fs.readdirSync(place.locks), []);
  });
});

test("a data root reached through a symlink has one mount, not two", { skip }, async () => {
  await given(async (place) => {
    const link = `${place.home}-link`;
    fs.symlinkSync(place.home, link);
    const other = createOverlay2({ root: link });
    const [one, two] = [await place.driver.mount(place.id), await other.mount(place.id)];
    assert.equal(one.path, two.path);
    assert.equal(sys.mountInfo().filter((mount) => mount.mountPoint === one.path).length, 1);
    await one[Symbol.asyncDispose]();
    assert.ok(isMounted(place));
    await two[Symbol.asyncDispose]();
    assert.equal(isMounted(place), false);
  });
});

test("a mount point that a restart of the machine has left is no hindrance", { skip }, async () => {
  await given(async (place) => {
    fs.mkdirSync(join(place.home, place.id, "merged"));
    await inRoot(place.driver, place.id, (root) =>
      assert.equal(fs.readFileSync(join(root, "f"), "utf8"), "base"),
    );
    assert.equal(fs.existsSync(join(place.home, place.id, "merged")), false);
  });
});
