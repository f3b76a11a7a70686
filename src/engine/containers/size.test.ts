import assert from "node:assert/strict";
import * as fs from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { engineFixture, makeContainer, makeImage } from "../../../test/support/engine_fixture.ts";
import { overlaySkip } from "../../../test/suites/overlay_skip.ts";

for (const driver of ["vfs", "overlay2"] as const) {
  const skip = driver === "overlay2" && overlaySkip;
  test(`what a container has written, in bytes and inodes: ${driver}`, { skip }, async () => {
    using host = await engineFixture(driver);
    const image = await makeImage(host, { files: { "kept/f": "of the image", gone: "" } });
    const { ID } = await makeContainer(host, image);
    const { containers, store } = host.engine;
    const before = await containers.writable(ID);
    {
      await using root = await store.containers.mount(ID);
      fs.mkdirSync(join(root.path, "d"));
      fs.writeFileSync(join(root.path, "d/a"), "abc");
      fs.linkSync(join(root.path, "d/a"), join(root.path, "d/b"));
      fs.symlinkSync("a", join(root.path, "d/l"));
    }
    assert.deepEqual(before, { bytes: 0, inodes: 1 });
    assert.deepEqual(await containers.writable(ID), { bytes: 4, inodes: 4 });
    assert.equal((await containers.sizes(ID)).sizeRw, 4);
  });
}
