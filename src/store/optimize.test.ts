/** `store optimize`: what several layers have is kept once, and nobody can tell. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import {
  closeSync,
  existsSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { test } from "node:test";
import { options, signal } from "../../test/fixtures/receive_cases.ts";
import { noise, sampleImage, sampleLayer } from "../../test/fixtures/sample_image.ts";
import {
  blocksOf,
  everything,
  layerOf,
  receiveSharing,
  type Sharing,
  tarPath,
} from "../../test/fixtures/sharing_images.ts";
import { inRoot } from "../../test/suites/driver_helpers.ts";
import { erofsSkip } from "../../test/suites/erofs_skip.ts";
import { overlaySkip } from "../../test/suites/overlay_skip.ts";
import { scratch, unlessLinux } from "../../test/suites/scratch.ts";
import { treeOf } from "../../test/suites/tree_of.ts";
import { fromBytes } from "../bytes/index.ts";
import { isTarTarget, readShared } from "../layer/index.ts";
import { chainIds, parseReference } from "../oci/index.ts";
import { checkStore } from "./check.ts";
import { deleteImage } from "./delete_image.ts";
import { collectGarbage } from "./gc.ts";
import { freedBy, ledger } from "./ledger.ts";
import { migrateStore } from "./migrate.ts";
import { openStore } from "./open_store.ts";
import { optimizeStore } from "./optimize.ts";
import { receiveImage } from "./receive.ts";
import { repairLayer } from "./repair_layer.ts";
import { releaseLayers } from "./release.ts";
import type { Store } from "./types.ts";

const skip = erofsSkip("file");

async function given(act: (store: Store, sharing: Sharing) => Promise<void>): Promise<void> {
  using root = scratch("optimize");
  const store = await openStore({ root: root.path, driver: "erofs" });
  await act(store, await receiveSharing(store));
}

function du(root: string): number {
  return Number(execFileSync("du", ["-sx", "--block-size=1", root], { encoding: "utf8" }).split("\t")[0]);
}

async function remove(store: Store, { old, chains }: Sharing): Promise<void> {
  for (const name of await store.names.namesOf(old)) await store.names.remove(name);
  await store.images.remove(old);
  await releaseLayers(store, chains[0]);
}

test(
  "blocks come back, and every tar and tree stays to the byte, also without the donor",
  { skip },
  async () => {
    await given(async (store, sharing) => {
      const { chains } = sharing;
      const before = await everything(store, chains);
      const sizes = [await blocksOf(store, chains[1]), await blocksOf(store, chains[2])] as const;
      const planned = await optimizeStore(store, { signal, dryRun: true });
      // They came at the same time.
      assert.deepEqual(
        new Map(planned.layers.map(({ chainId, files, outcome }) => [chainId, [files, outcome]])),
        new Map([
          [chains[1], [2, "dry run"]],
          [chains[2], [1, "dry run"]],
        ]),
      );
      assert.equal(await blocksOf(store, chains[1]), sizes[0]);

      const used = du(store.root);
      const done = await optimizeStore(store, { signal });
      assert.deepEqual(
        done.layers.map(({ outcome }) => outcome),
        ["done", "done"],
      );
      assert.equal(done.bytes, planned.bytes);
      assert.ok(done.bytes > 600_000);
      const left = [await blocksOf(store, chains[1]), await blocksOf(store, chains[2])] as const;
      assert.equal(sizes[0] + sizes[1] - left[0] - left[1], done.bytes);
      assert.ok(used - du(store.root) > done.bytes - 40_000, "what is written down takes little");
      assert.deepEqual(await everything(store, chains), before);
      assert.deepEqual(await checkStore(store, { deep: true }), []);
      assert.deepEqual(await optimizeStore(store, { signal }), { layers: [], bytes: 0, remains: 0 });

      await remove(store, sharing);
      assert.deepEqual(await everything(store, chains.slice(1)), before.slice(2));
      // "a/small" and what stands between the files is all that nobody has of it.
      const { remains } = await optimizeStore(store, { signal });
      assert.deepEqual(await everything(store, chains.slice(1)), before.slice(2));
      assert.ok(remains >= 0);
      assert.deepEqual(await checkStore(store, { deep: true }), []);
    });
  },
);

test("of a layer that is gone only what others have of it stays", { skip }, async () => {
  await given(async (store, sharing) => {
    const { chains } = sharing;
    const alone = await sampleLayer({ gone: noise(500_000, 77), kept: noise(100_000, 78) });
    const user = await sampleLayer({ "x/": "", "x/kept": noise(100_000, 78) });
    const donor = sampleImage([alone]);
    await receiveImage(store, donor, [parseReference("donor:1")], options);
    await receiveImage(store, sampleImage([user]), [parseReference("user:1")], options);
    await optimizeStore(store, { signal });
    const before = await everything(store, [...chains, user.diffId]);
    await store.names.remove(parseReference("donor:1"));
    await store.images.remove(donor.imageId);
    await releaseLayers(store, alone.diffId);
    const used = du(store.root);
    const { remains } = await optimizeStore(store, { signal });
    assert.ok(remains >= 490_000, `${remains}`);
    assert.equal(used - du(store.root), remains);
    assert.deepEqual(await everything(store, [...chains, user.diffId]), before);
  });
});

test("a layer that lends is not taken from, a part that is had is not lent", { skip }, async () => {
  await given(async (store, { chains }) => {
    await optimizeStore(store, { signal });
    const before = await everything(store, chains);
    // As if an older layer with the same files had come since.
    const oldest = await sampleLayer({ one: noise(300_001, 1), "x/": "" });
    await receiveImage(store, sampleImage([oldest]), [parseReference("oldest:1")], options);
    const { cacheId } = await layerOf(store, oldest.diffId);
    const target = store.driver.target(cacheId);
    assert.ok(isTarTarget(target));
    execFileSync("touch", ["-d", "2001-01-01", target.catalog]);
    await optimizeStore(store, { signal });
    assert.deepEqual(await everything(store, chains), before);
    assert.deepEqual(await checkStore(store, { deep: true }), []);
  });
});

test(
  "B061: the ledger says what removing a donor, and what removing a user, gives back",
  { skip },
  async () => {
    for (const which of ["old", "young"] as const) {
      await given(async (store, sharing) => {
        await optimizeStore(store, { signal });
        await collectGarbage(store, { grace: 0 });
        const drawn = await ledger(store, { measure: true });
        assert.equal(drawn.disk?.total, du(store.root));
        const promised = freedBy(drawn, { images: [sharing[which]] });
        const both = freedBy(drawn, { images: [sharing.old, sharing.young] });
        const before = du(store.root);
        const [old, young, top] = sharing.chains;
        const drop = async (id: Sharing["old"], chain: typeof old): Promise<void> => {
          for (const name of await store.names.namesOf(id)) await store.names.remove(name);
          await store.images.remove(id);
          await releaseLayers(store, chain);
          await collectGarbage(store, { grace: 0 });
        };
        const [first, second] = [
          [sharing.old, old],
          [sharing.young, top],
        ] as const;
        await drop(...(which === "old" ? first : second));
        assert.equal(before - du(store.root), promised.disk, which);
        await drop(...(which === "old" ? second : first));
        assert.equal(before - du(store.root), both.disk, `${which}, then the other: ${young}`);
      });
    }
  },
);

test("a layer in use is left for another time, by whomever it is used", { skip }, async () => {
  await given(async (store, { chains }) => {
    const before = await everything(store, chains);
    const { cacheId } = await layerOf(store, chains[2]);
    const outcomes = async () =>
      (await optimizeStore(store, { signal })).layers.map(({ outcome }) => outcome).sort();
    await inRoot(
      store.driver,
      cacheId,
      async (root) => {
        const seen = treeOf(root);
        assert.deepEqual(await outcomes(), ["in use", "in use"]);
        assert.deepEqual(treeOf(root), seen);
      },
      { readOnly: true },
    );
    assert.equal(readShared({ tar: await tarPath(store, chains[1]) }).length, 0);

    // Somebody sends it: no lock says so.
    const tar = await store.layers.openTar(chains[1], { signal });
    const chunks: Uint8Array[] = [];
    for await (const chunk of tar) {
      if (chunks.length === 0) assert.deepEqual(await outcomes(), ["done", "in use"]);
      chunks.push(chunk);
    }
    assert.ok(Buffer.concat(chunks).equals(before[2] as Buffer));
    assert.deepEqual(await outcomes(), ["done"]);
    assert.deepEqual(await everything(store, chains), before);
  });
});

test("a record that is damaged or missing is told, and nothing is shown as zeros", { skip }, async () => {
  const damages: ((path: string) => void)[] = [
    (path) => rmSync(path),
    (path) => writeFileSync(path, ""),
    (path) => writeFileSync(path, readFileSync(path, "latin1").replace("[[", "[[1")),
    (path) => rmSync(join(dirname(path), "lent", readdirSync(join(dirname(path), "lent"))[0] as string)),
  ];
  for (const [index, damage] of damages.entries()) {
    await given(async (store, { chains }) => {
      const [bytes] = (await everything(store, [chains[1]])) as [Buffer];
      await optimizeStore(store, { signal });
      damage(join(dirname(await tarPath(store, chains[1])), "shared"));
      const { cacheId } = await layerOf(store, chains[1]);
      await assert.rejects(everything(store, [chains[1]]), { kind: "corrupt" }, `${index}`);
      await assert.rejects(
        inRoot(store.driver, cacheId, () => undefined, { readOnly: true }),
        { kind: "corrupt" },
        `${index}`,
      );
      for (const deep of [false, true]) {
        const problems = await checkStore(store, { deep });
        assert.deepEqual(
          problems.map(({ layer }) => layer),
          [chains[1]],
          `${index}`,
        );
      }
      await optimizeStore(store, { signal });
      await repairLayer(store, chains[1], { name: "test", open: async () => fromBytes(bytes) }, signal);
      assert.deepEqual(await checkStore(store, { deep: true }), [], `${index}`);
    });
  }
});

test("a repaired layer has all its bytes itself; what others have of it stays", { skip }, async () => {
  await given(async (store, { chains }) => {
    const before = await everything(store, chains);
    await optimizeStore(store, { signal });
    for (const [index, chain] of chains.entries()) {
      const bytes = before[2 * index] as Buffer;
      const source = { name: "test", open: async () => fromBytes(bytes) };
      await repairLayer(store, chain, source, signal);
      assert.deepEqual(await everything(store, chains), before);
      const folder = dirname(await tarPath(store, chain));
      assert.equal(existsSync(join(folder, "shared")) || existsSync(join(folder, "lent")), false);
    }
    assert.equal(statSync(await tarPath(store, chains[0])).nlink, 1);
    assert.ok((await optimizeStore(store, { signal })).bytes > 600_000);
    assert.deepEqual(await everything(store, chains), before);
  });
});

test("a tar that is whole again is not emptied for a donor that is damaged", { skip }, async () => {
  await given(async (store, { chains }) => {
    const [whole] = (await everything(store, [chains[1]])) as [Buffer];
    await optimizeStore(store, { signal });
    const [donor, tar] = [await tarPath(store, chains[0]), await tarPath(store, chains[1])];
    const { offset, donorOffset } = readShared({ tar })[0]!;
    const bytes = readFileSync(donor);
    bytes[donorOffset + 100_000]! ^= 1;
    writeFileSync(donor, bytes);
    // As a repair leaves it that is killed before the record is gone.
    writeFileSync(tar, whole);
    const blocks = await blocksOf(store, chains[1]);
    await optimizeStore(store, { signal });
    const left = await blocksOf(store, chains[1]);
    assert.ok(left < blocks, "what the donor has as well may go");
    const kept = readFileSync(tar).subarray(offset + 4096, offset + 200_000);
    assert.ok(kept.equals(whole.subarray(offset + 4096, offset + 200_000)));
  });
});

test("what is on record is no donor, though it may have its blocks yet", { skip }, async () => {
  await given(async (store, { chains }) => {
    const third = await sampleLayer({ "c/": "", "c/one": noise(300_001, 1) });
    await receiveImage(store, sampleImage([third]), [parseReference("third:1")], options);
    const all = [...chains, third.diffId];
    const before = await everything(store, all);
    const young = await tarPath(store, chains[1]);
    const open: number[] = [];
    // Somebody opens the tar between the record and the holes.
    const onStep = (step: string): void => {
      if (step === "shared" && open.length === 0) open.push(openSync(young, "r"));
    };
    const { layers } = await optimizeStore(store, { signal, onStep });
    for (const fd of open) closeSync(fd);
    assert.equal(layers.filter(({ outcome }) => outcome === "in use").length, 1);
    assert.deepEqual(await everything(store, all), before);
    assert.equal(statSync(young).nlink, 1, "nobody has a part of it");
    assert.equal((await optimizeStore(store, { signal })).layers.length, 1);
    assert.deepEqual(await everything(store, all), before);
    assert.deepEqual(await checkStore(store, { deep: true }), []);
  });
});

test("gc tells only what comes back", { skip }, async () => {
  await given(async (store, { old, chains }) => {
    await optimizeStore(store, { signal });
    // A crash in the middle of a removal.
    await store.names.remove(parseReference("sharing:0"));
    await store.images.remove(old);
    await store.layers.remove(chains[0]);
    await collectGarbage(store, { grace: 3_600_000 });
    const before = du(store.root);
    const planned = await collectGarbage(store, { grace: 0, dryRun: true });
    const done = await collectGarbage(store, { grace: 0 });
    assert.equal(done.bytes, planned.bytes);
    assert.equal(before - du(store.root), done.bytes);
  });
});

test("an optimized store is migrated", { skip: skip || overlaySkip }, async () => {
  await given(async (store, { chains }) => {
    const before = await everything(store, chains);
    await optimizeStore(store, { signal });
    await migrateStore(store, { to: "overlay2", signal });
    const after = await openStore({ root: store.root });
    assert.equal(after.driver.name, "overlay2");
    assert.deepEqual(await checkStore(after, { deep: true }), []);
    for (const [index, chain] of chains.entries()) {
      const { cacheId } = await layerOf(after, chain);
      const tree = await inRoot(after.driver, cacheId, (root) => treeOf(root), { readOnly: true });
      const expected = before[2 * index + 1] as typeof tree;
      // No layer lists its root.
      for (const each of [tree, expected]) each.delete(".");
      assert.deepEqual(tree, expected);
    }
  });
});

test(
  "smaller files stay, cancelling ends it, other drivers have nothing to gain",
  { skip: unlessLinux },
  async () => {
    using root = scratch("optimize");
    const vfs = await openStore({ root: root.path, driver: "vfs" });
    await assert.rejects(optimizeStore(vfs, { signal }), {
      kind: "unsupported",
      message: /nothing to optimize/,
    });
    if (skip !== false) return;
    await given(async (store) => {
      assert.deepEqual((await optimizeStore(store, { signal, minSize: 400_000 })).layers, []);
      assert.equal((await optimizeStore(store, { signal, minSize: 250_000, dryRun: true })).layers.length, 1);
      await assert.rejects(optimizeStore(store, { signal: AbortSignal.abort() }), { kind: "cancelled" });
      assert.equal((await optimizeStore(store, { signal })).layers.length, 2);
    });
  },
);

test("an image on a shared layer that comes later maps it right; deleteImage works", { skip }, async () => {
  await given(async (store, { old, chains }) => {
    await optimizeStore(store, { signal });
    const before = await everything(store, [chains[1]]);
    const { young, more } = { young: before[0] as Buffer, more: await sampleLayer({ later: "later" }) };
    const layer = { ...more, tar: young, diffId: chains[1] };
    const stack = [layer, more];
    await receiveImage(store, sampleImage(stack), [parseReference("later:1")], options);
    const [, top] = chainIds([layer.diffId, more.diffId]) as [typeof old, typeof old];
    const { cacheId } = await layerOf(store, top);
    await inRoot(
      store.driver,
      cacheId,
      (root) => assert.ok(readFileSync(join(root, "b/uno")).equals(noise(300_001, 1))),
      { readOnly: true },
    );
    await deleteImage(store, old);
    assert.deepEqual(await everything(store, [chains[1]]), before);
  });
});
