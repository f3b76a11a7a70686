/** Building as a library: one call, without a Dockerfile's `RUN`, by anyone. */
import assert from "node:assert/strict";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { build, openEngine } from "../../src/engine/index.ts";
import { readImageFile } from "../../src/image/index.ts";
import { isFailure } from "../../src/errors.ts";
import { scratch, unlessLinux } from "../suites/scratch.ts";

test(
  "build(context, options) gives an image, its steps and its warnings",
  { skip: unlessLinux },
  async () => {
    using directory = scratch("library-build");
    const engine = await openEngine({ root: join(directory.path, "root"), driver: "vfs" });
    const context = join(directory.path, "context");
    mkdirSync(context);
    writeFileSync(join(context, "app.js"), "console.log(1)\n");
    writeFileSync(
      join(context, "Dockerfile"),
      'FROM scratch\nMAINTAINER me\nCOPY app.js /\nCMD ["/app.js"]\n',
    );
    const { image, steps, warnings } = await build(context, { engine, tags: ["app:1"] });
    assert.equal((await engine.images.resolve("app:1")).id, image.id);
    assert.deepEqual(image.config.config?.Cmd, ["/app.js"]);
    assert.deepEqual(
      steps.map(({ text }) => text.split(" ")[0]),
      ["FROM", "MAINTAINER", "COPY", "CMD"],
    );
    assert.deepEqual(
      warnings.map(({ rule }) => rule),
      ["MaintainerDeprecated"],
    );
    const { signal } = new AbortController();
    assert.equal(
      Buffer.from(await readImageFile(engine.store, image, "/app.js", { signal })).toString(),
      "console.log(1)\n",
    );
    const stopped = build(context, { engine, signal: AbortSignal.abort() });
    await assert.rejects(stopped, (error) => isFailure(error, "cancelled"));
  },
);
