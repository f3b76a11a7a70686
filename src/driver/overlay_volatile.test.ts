/** Layers that were mounted without regard to a loss of power. */
import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { engineFixture, makeContainer, makeImage } from "../../test/support/engine_fixture.ts";
import { erofsSkip } from "../../test/suites/erofs_skip.ts";
import { overlaySkip } from "../../test/suites/overlay_skip.ts";

for (const [driver, skip] of [
  ["overlay2", overlaySkip],
  ["erofs", erofsSkip("file")],
] as const)
  test(`${driver}: a layer that was mounted volatile is mounted again`, { skip }, async () => {
    using fixture = await engineFixture(driver);
    const image = await makeImage(fixture, { files: { file: "x" }, names: ["base:1"] });
    const { ID } = await makeContainer(fixture, image);
    const { containers } = fixture.engine.store;
    for (const volatile of [true, false, true]) {
      await using root = await containers.mount(ID, { volatile });
      writeFileSync(join(root.path, "file"), String(volatile));
    }
    assert.deepEqual(await containers.list(), [ID]);
  });
