import assert from "node:assert/strict";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { name, options, visible } from "../../test/fixtures/receive_cases.ts";
import { noise, sampleImage, sampleLayer } from "../../test/fixtures/sample_image.ts";
import { scratch, unlessRoot } from "../../test/suites/scratch.ts";
import { fromText } from "../byte_string.ts";
import { parseReference } from "../oci/index.ts";
import { mount, statfs, unmount } from "../sys/index.ts";
import { checkStore } from "./check.ts";
import { collectGarbage } from "./gc.ts";
import { openStore } from "./open_store.ts";
import { receiveImage } from "./receive.ts";

/** A file system of `megabytes` in memory, gone at the end of the scope. */
function smallDisk(path: string, megabytes: number): Disposable {
  mkdirSync(path);
  mount("tmpfs", fromText(path), "tmpfs", 0, `size=${megabytes}m,mode=0700`);
  return { [Symbol.dispose]: () => unmount(fromText(path)) };
}

for (const driver of ["vfs", "overlay2"] as const) {
  test(
    `${driver}: a full disk: one clear error, nothing changed, the space given back`,
    { skip: unlessRoot },
    async () => {
      using root = scratch("full");
      const path = join(root.path, "disk");
      using disk = smallDisk(path, 4);
      assert.ok(disk);
      const store = await openStore({ root: path, driver });
      const small = [await sampleLayer({ small: noise(100_000) })];
      await receiveImage(store, sampleImage(small), [parseReference("small")], options);
      const before = await visible(store);
      const free = statfs(fromText(path)).free;
      for (const form of ["blob", "tar"] as const) {
        const layers = [
          ...small,
          await sampleLayer({ a: noise(1_500_000, 3) }),
          await sampleLayer({ b: noise(2_500_000, 5) }),
        ];
        const image = sampleImage(layers, { form, chunk: 100_000 });
        await assert.rejects(receiveImage(store, image, [name], options), {
          name: /Failure|SysError/,
          kind: "no-space",
        });
        assert.deepEqual(await visible(store), before);
        assert.deepEqual(await checkStore(store, { deep: true }), []);
        assert.deepEqual((await collectGarbage(store)).removed, []);
        const left = free - statfs(fromText(path)).free;
        // Directories for locks and transfers.
        assert.ok(left <= 64 * 1024, `${left} bytes are still taken`);
      }
      const other = [...small, await sampleLayer({ c: noise(200_000, 9) })];
      await receiveImage(store, sampleImage(other), [name], options);
      assert.deepEqual(await checkStore(store, { deep: true }), []);
    },
  );
}
