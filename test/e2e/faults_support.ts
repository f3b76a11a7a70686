/** What the fault tests share: big images, and what must hold of a root after something was killed. */
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { openEngine, type Engine } from "../../src/engine/index.ts";
import { collectGarbage } from "../../src/store/index.ts";
import type { DriverName } from "../../src/driver/index.ts";
import type { HostileImage, HostileLayer } from "../fixtures/hostile/hostile_image.ts";
import { footprint } from "../fixtures/hostile/world.ts";
import { tarFile, tarOf } from "../support/tar_help.ts";

/** Layers of so many bytes that do not compress, no two alike: a large file and a few small ones. */
export function randomLayers(...sizes: number[]): HostileLayer[] {
  return sizes.map((size, index) => {
    const small = Array.from({ length: 40 }, (_, i) =>
      tarFile({ path: `layer${index}/small/${i}` }, randomBytes(200)),
    );
    return { tar: tarOf([tarFile({ path: `layer${index}/large` }, randomBytes(size)), ...small]) };
  });
}

/** Bytes of the image's blobs, config included. */
export function sizeOf(image: HostileImage): number {
  return [...image.blobs.values()].reduce((sum, bytes) => sum + bytes.length, 0);
}

/** What `images -a --digests` lists. */
export async function listed(engine: Engine): Promise<string[]> {
  const found = await engine.images.list({ all: true });
  return found
    .map(({ id, repoTags, repoDigests }) => `${id} ${repoTags.join()} ${repoDigests.join()}`)
    .sort();
}

/**
 * Opens a root after a kill: it opens, lists what `expected` allows, and all that it lists is whole.
 * Returns what it lists.
 */
export async function assertWhole(
  root: string,
  driver: DriverName,
  ...expected: readonly (readonly string[])[]
): Promise<readonly string[]> {
  const engine = await openEngine({ root, driver });
  const found = await listed(engine);
  assert.ok(
    expected.some((list) => list.join("\n") === found.join("\n")),
    `listed after the kill:\n${found.join("\n")}`,
  );
  assert.deepEqual(await damages(engine), []);
  return found;
}

/** Problems that `system check --deep` finds, but for garbage that a kill leaves and gc has not yet removed. */
async function damages(engine: Engine): Promise<string[]> {
  const problems = await engine.system.check({ deep: true });
  return problems
    .filter(({ hint }) => !hint.includes("prune"))
    .map(({ subject, message }) => `${subject}: ${message}`);
}

/** Temporary files, entries on their way, and what lies beside the config of an image that never came. */
const waited = /\/\.tmp-|\/write-set-|-removing|^varve\/manifests\/|\/imagedb\/metadata\/sha256\/./;

/**
 * Garbage collection gives back all that a kill left: the root holds what it held when `before` was taken, but for the
 * blob cache, which has a bound of its own.
 */
export async function assertReturned(
  root: string,
  driver: DriverName,
  before: readonly string[],
): Promise<void> {
  const engine = await openEngine({ root, driver });
  // What the program's own gc removes at once. For what takes next to nothing it waits ten minutes: that may be
  // somebody's who is just making it.
  await engine.system.collectGarbage({});
  const kept = (list: readonly string[]): string[] =>
    list.filter((line) => isHeld(line) && !waited.test(line));
  assert.deepEqual(kept(footprint(root)), kept(before));
  await collectGarbage(engine.store, { grace: 0 });
  assert.deepEqual(footprint(root).filter(isHeld), before.filter(isHeld));
}

/**
 * Not the blob cache, not what Docker remembers of blobs when their image has gone (behaviours B143, B144), not what is
 * remembered of past builds, which has bounds of its own, and not the empty files by which users of a container's mount
 * know each other: they go with the container.
 */
export function isHeld(line: string): boolean {
  return !/^varve\/(layer-blobs|blobs|mounts|build-cache\/(contexts|last))|\/distribution\//.test(line);
}
