/**
 * What a kill -9 leaves at each step of `store optimize`. The store's root is copied at each step: the copy is what a
 * process that was killed there leaves behind. A few processes are really killed besides.
 */
import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import { existsSync, readdirSync } from "node:fs";
import { dirname, join } from "node:path";
import { test } from "node:test";
import { signal, visible } from "../../test/fixtures/receive_cases.ts";
import {
  blocksOf,
  everything,
  receiveSharing,
  type Sharing,
  tarPath,
} from "../../test/fixtures/sharing_images.ts";
import { erofsSkip } from "../../test/suites/erofs_skip.ts";
import { scratch } from "../../test/suites/scratch.ts";
import { lentDirectory, readShared } from "../layer/index.ts";
import { checkStore } from "./check.ts";
import { deleteImage } from "./delete_image.ts";
import { collectGarbage } from "./gc.ts";
import { ledger } from "./ledger.ts";
import { openStore } from "./open_store.ts";
import { optimizeStore } from "./optimize.ts";
import type { Store } from "./types.ts";

const skip = erofsSkip("file");
const chainsOf = ({ chains }: Sharing) => chains;

function du(root: string): number {
  return Number(execFileSync("du", ["-sx", "--block-size=1", root], { encoding: "utf8" }).split("\t")[0]);
}

/** Links that the layer holds, and those that it needs. */
async function linksOf(store: Store, chain: Sharing["chains"][number]): Promise<[string[], string[]]> {
  const target = { tar: await tarPath(store, chain) };
  const directory = lentDirectory(target);
  const needed = new Set(readShared(target).map(({ donor }) => `${donor}.tar`));
  return [existsSync(directory) ? readdirSync(directory).sort() : [], [...needed].sort()];
}

async function recovers(store: Store, sharing: Sharing, before: unknown[], at: string): Promise<void> {
  assert.deepEqual(await everything(store, chainsOf(sharing)), before, at);
  assert.deepEqual(await checkStore(store, { deep: true }), [], at);
  await collectGarbage(store, { grace: 0 });
  assert.deepEqual((await visible(store)).sessions, [], at);
  assert.equal((await ledger(store, { measure: true })).disk?.total, du(store.root), at);
  const { layers } = await optimizeStore(store, { signal });
  assert.ok(
    layers.every(({ outcome }) => outcome === "done"),
    at,
  );
  assert.deepEqual((await optimizeStore(store, { signal })).layers, [], at);
  assert.deepEqual(await everything(store, chainsOf(sharing)), before, at);
  for (const chain of sharing.chains.slice(1)) {
    assert.ok((await blocksOf(store, chain)) < 100_000, `${at}: the blocks are back`);
    const [links, needed] = await linksOf(store, chain);
    assert.deepEqual(links, needed, at);
  }
}

test("at any step everything reads as before, and the next run finishes", { skip }, async () => {
  using root = scratch("optimize");
  using copies = scratch("crash");
  const store = await openStore({ root: root.path, driver: "erofs" });
  const sharing = await receiveSharing(store);
  const before = await everything(store, sharing.chains);
  const steps: string[] = [];
  await optimizeStore(store, {
    signal,
    onStep: (step) => {
      execFileSync("cp", ["-a", root.path, join(copies.path, `${steps.length}`)]);
      steps.push(step);
    },
  });
  assert.deepEqual(new Set(steps), new Set(["record", "linked", "shared", "punched"]));
  for (const [index, step] of steps.entries()) {
    const copy = await openStore({ root: join(copies.path, `${index}`) });
    await recovers(copy, sharing, before, `step ${index}: ${step}`);
  }
});

test("at any step the donor may be removed before the next run", { skip }, async () => {
  using root = scratch("optimize");
  using copies = scratch("crash");
  const store = await openStore({ root: root.path, driver: "erofs" });
  const sharing = await receiveSharing(store);
  const [, ...users] = sharing.chains;
  const before = await everything(store, users);
  let steps = 0;
  const copy = (): void => {
    execFileSync("cp", ["-a", root.path, join(copies.path, `${steps++}`)]);
  };
  await optimizeStore(store, { signal, onStep: copy });
  for (let step = 0; step < steps; step++) {
    const killed = await openStore({ root: join(copies.path, `${step}`) });
    await deleteImage(killed, sharing.old);
    assert.deepEqual(await everything(killed, users), before, `${step}`);
    await optimizeStore(killed, { signal });
    assert.deepEqual(await everything(killed, users), before, `${step}`);
    for (const chain of users) {
      const [links, needed] = await linksOf(killed, chain);
      assert.deepEqual(links, needed, `${step}`);
    }
    await deleteImage(killed, sharing.young);
    assert.deepEqual(await killed.driver.list(), [], `${step}`);
  }
});

test("processes that are really killed", { skip }, async () => {
  for (const step of ["record", "linked", "shared", "punched"]) {
    using root = scratch("optimize");
    const store = await openStore({ root: root.path, driver: "erofs" });
    const sharing = await receiveSharing(store);
    const before = await everything(store, sharing.chains);
    const program = `
      import { openStore, optimizeStore } from ${JSON.stringify(join(import.meta.dirname, "index.ts"))};
      const store = await openStore({ root: process.env.ROOT });
      await optimizeStore(store, {
        signal: new AbortController().signal,
        onStep: (step) => { if (step === process.env.STEP) process.kill(process.pid, "SIGKILL"); },
      });
    `;
    const { signal: ended, stderr } = spawnSync(process.execPath, ["--input-type=module", "-e", program], {
      env: { ...process.env, ROOT: root.path, STEP: step },
      encoding: "utf8",
    });
    assert.equal(ended, "SIGKILL", stderr);
    await recovers(store, sharing, before, step);
    assert.ok(existsSync(dirname(await tarPath(store, sharing.chains[0]))));
  }
});
