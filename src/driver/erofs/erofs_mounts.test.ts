/** Mounts of images: shared by all processes, kept for containers, never lost. */
import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import * as fs from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { tarFile, tarOf } from "../../../test/support/tar_help.ts";
import { inRoot, newCacheId } from "../../../test/suites/driver_helpers.ts";
import { erofsSkip } from "../../../test/suites/erofs_skip.ts";
import { pushLayers } from "../../../test/suites/layer_stacks.ts";
import { scratch } from "../../../test/suites/scratch.ts";
import * as sys from "../../sys/index.ts";
import { type CacheId, createErofs, type Driver } from "../index.ts";

const skip = erofsSkip("file");
const index = JSON.stringify(new URL("../index.ts", import.meta.url).href);

interface Given {
  readonly driver: Driver;
  readonly home: string;
  readonly image: CacheId;
  /** Mounts of all kinds, by their file system. */
  mounts(): string[];
}

async function given(act: (given: Given) => Promise<void>): Promise<void> {
  using at = scratch("mounts");
  const home = join(at.path, "erofs");
  const driver = createErofs({ root: home });
  const [, image] = await pushLayers(driver, [
    tarOf([tarFile({ path: "f" }, "below")]),
    tarOf([tarFile({ path: "g" }, "above")]),
  ]);
  const mounts = (): string[] =>
    sys
      .mountInfo()
      .filter(({ mountPoint }) => mountPoint.startsWith(`${at.path}/`))
      .map(({ type }) => type)
      .sort();
  await act({ driver, home, image: image as CacheId, mounts });
  assert.deepEqual(mounts(), [], "no mount is left");
}

/** Another process that mounts `id`, tells what is in `f`, and lets go when its input ends. */
function holder({ home }: Given, id: CacheId): ChildProcess {
  const script = `
    import { readFileSync } from "node:fs";
    const { createErofs } = await import(${index});
    const root = await createErofs({ root: ${JSON.stringify(home)} }).mount("${id}");
    console.log(readFileSync(root.path + "/f", "utf8"));
    process.stdin.resume().once("end", () => root[Symbol.asyncDispose]());`;
  return spawn(process.execPath, ["--input-type=module", "-e", script], {
    stdio: ["pipe", "pipe", "inherit"],
  });
}

async function told(child: ChildProcess): Promise<string> {
  const [text] = (await once(child.stdout as NodeJS.ReadableStream, "data")) as [Buffer];
  return text.toString().trim();
}

async function end(child: ChildProcess): Promise<void> {
  child.stdin?.end();
  await once(child, "close");
}

async function container({ driver, image }: Given): Promise<CacheId> {
  const id = newCacheId();
  await driver.create(id, image, { writable: true });
  return id;
}

const read = (root: string): string => fs.readFileSync(join(root, "f"), "utf8");

test(
  "processes that mount one image at once share one mount, though its file had to be made",
  { skip },
  async () => {
    await given(async (place) => {
      fs.rmSync(join(place.home, place.image, "image"));
      const children = [1, 2, 3].map(() => holder(place, place.image));
      const mine = Promise.all([1, 2, 3].map(() => place.driver.mount(place.image, { readOnly: true })));
      assert.deepEqual(await Promise.all(children.map(told)), ["below", "below", "below"]);
      const roots = await mine;
      assert.equal(new Set(roots.map(({ path }) => path)).size, 1);
      assert.deepEqual(place.mounts(), ["erofs"]);
      await assert.rejects(place.driver.remove(place.image), { kind: "conflict" });
      await Promise.all([...roots.map((root) => root[Symbol.asyncDispose]()), ...children.map(end)]);
      assert.deepEqual(place.mounts(), []);
    });
  },
);

test("containers of one image, in several processes, share its mount and write apart", { skip }, async () => {
  await given(async (place) => {
    const ids = [await container(place), await container(place)];
    const children = ids.map((id) => holder(place, id));
    assert.deepEqual(await Promise.all(children.map(told)), ["below", "below"]);
    assert.deepEqual(place.mounts(), ["erofs", "overlay", "overlay"]);
    await Promise.all(children.map(end));
    assert.deepEqual(place.mounts(), ["erofs"], "it stays for them");
    for (const id of ids) await inRoot(place.driver, id, (root) => fs.writeFileSync(join(root, "f"), id));
    for (const id of ids) assert.equal(await inRoot(place.driver, id, read), id);
    await place.driver.remove(ids[0] as CacheId);
    assert.deepEqual(place.mounts(), ["erofs"], "one is left");
    await place.driver.remove(ids[1] as CacheId);
    assert.deepEqual(place.mounts(), []);
  });
});

test("an image's mount, kept for a container, is the same one for the next who looks", { skip }, async () => {
  await given(async (place) => {
    const id = await container(place);
    const mountOf = (): unknown =>
      sys.mountInfo().find(({ mountPoint }) => mountPoint.endsWith(`${place.image}.image`));
    assert.equal(await inRoot(place.driver, id, read), "below");
    const kept = mountOf();
    assert.ok(kept !== undefined);
    assert.equal(await inRoot(place.driver, place.image, read, { readOnly: true }), "below");
    assert.deepEqual(mountOf(), kept);
    await place.driver.remove(id);
  });
});

test("what a killed process left mounted is adopted, and ended by the last holder", { skip }, async () => {
  await given(async (place) => {
    const id = await container(place);
    const children = [holder(place, id), holder(place, place.image)];
    await Promise.all(children.map(told));
    for (const child of children) {
      child.kill("SIGKILL");
      await once(child, "close");
    }
    assert.deepEqual(place.mounts(), ["erofs", "overlay"]);
    assert.equal(await inRoot(place.driver, id, read), "below");
    assert.deepEqual(place.mounts(), ["erofs"]);
    await place.driver.remove(id);
  });
});

test(
  "what a killed process left of an image that no container needs goes with the next holder, or the image",
  { skip },
  async () => {
    for (const last of ["holder", "image"]) {
      await given(async (place) => {
        const child = holder(place, place.image);
        assert.equal(await told(child), "below");
        child.kill("SIGKILL");
        await once(child, "close");
        assert.deepEqual(place.mounts(), ["erofs"]);
        if (last === "holder") assert.equal(await inRoot(place.driver, place.image, read), "below");
        else await place.driver.remove(place.image);
      });
    }
  },
);

test("a process that was killed while it made the image's file leaves no obstacle", { skip }, async () => {
  await given(async (place) => {
    const directory = join(place.home, place.image);
    fs.renameSync(join(directory, "image"), join(directory, "image.99999"));
    fs.truncateSync(join(directory, "image.99999"), 700);
    assert.equal(await inRoot(place.driver, place.image, read), "below");
    await place.driver.remove(place.image);
    assert.equal(fs.existsSync(directory), false);
  });
});
