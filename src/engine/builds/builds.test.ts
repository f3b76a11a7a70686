/** Builds by the engine, without `RUN`: they need neither privilege nor any mount. */
import assert from "node:assert/strict";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { scratch, unlessLinux } from "../../../test/suites/scratch.ts";
import type { BuildEvent } from "../../build/index.ts";
import { fromBytes } from "../../bytes/index.ts";
import { isFailure } from "../../errors.ts";
import { readImageFile } from "../../image/index.ts";
import { serveRegistry } from "../../registry/index.ts";
import { openEngine, type Engine } from "../engine.ts";
import { parseOutput } from "./flags/parse_output.ts";

const skip = unlessLinux;
const { signal } = new AbortController();

interface Sample {
  readonly engine: Engine;
  readonly directory: string;
  /** Writes files of the context, and returns its path. */
  context(files: Readonly<Record<string, string>>): string;
}

async function withEngine(body: (sample: Sample) => Promise<void>): Promise<void> {
  using root = scratch("builds");
  const engine = await openEngine({ root: join(root.path, "root"), driver: "erofs" });
  const project = join(root.path, "project");
  const context = (files: Readonly<Record<string, string>>): string => {
    for (const [path, text] of Object.entries(files)) {
      mkdirSync(join(project, path, ".."), { recursive: true });
      writeFileSync(join(project, path), text);
    }
    return project;
  };
  await body({ engine, directory: root.path, context });
}

const read = async (engine: Engine, name: string, path: string): Promise<string> =>
  Buffer.from(
    await readImageFile(engine.store, await engine.images.resolve(name), path, { signal }),
  ).toString();

test("B062 a directory becomes a named image", { skip }, () =>
  withEngine(async ({ engine, context }) => {
    const Dockerfile = "FROM scratch\nARG V=1\nLABEL v=$V\nCOPY a /\nCOPY dir /dir/\n";
    const path = context({ Dockerfile, a: "a", "dir/b": "b", ".dockerignore": "dir/c", "dir/c": "c" });
    const events: BuildEvent[] = [];
    const request = {
      context: path,
      tags: ["app", "app:2"],
      buildArgs: { V: "9" },
      labels: { x: "y" },
      signal,
    };
    const outcome = await engine.builds.build({ ...request, onEvent: (event) => void events.push(event) });
    assert.deepEqual(outcome.image.config.config?.Labels, { v: "9", x: "y" });
    assert.equal(await read(engine, "app:latest", "/dir/b"), "b");
    await assert.rejects(read(engine, "app:2", "/dir/c"));
    assert.deepEqual(events.at(-1), {
      kind: "done",
      image: outcome.image.id,
      names: ["app:latest", "app:2"],
    });
    const again = await engine.builds.build(request);
    assert.deepEqual(again.image.config.rootfs, outcome.image.config.rootfs);
    assert.ok(again.steps.every(({ cache }) => cache === undefined || cache.hit));
  }),
);

test("a build that fails leaves no name, no ID and no older ID", { skip }, () =>
  withEngine(async ({ engine, directory, context }) => {
    const path = context({ Dockerfile: "FROM scratch\nCOPY nosuch /\n" });
    const iidFile = join(directory, "iid");
    writeFileSync(iidFile, "older");
    await assert.rejects(engine.builds.build({ context: path, tags: ["app"], iidFile, signal }), (error) =>
      isFailure(error),
    );
    assert.throws(() => readFileSync(iidFile));
    assert.deepEqual(await engine.images.list(), []);
    const digest = engine.builds.build({ context: path, tags: [`app@sha256:${"0".repeat(64)}`], signal });
    await assert.rejects(digest, /refusing to create a tag with a digest reference/);
  }),
);

test("squash: the layers of the build, over its base", { skip }, () =>
  withEngine(async ({ engine, context }) => {
    const path = context({ Dockerfile: "FROM scratch\nCOPY a /\nCOPY a /b\n", a: "a" });
    const base = await engine.builds.build({ context: path, tags: ["base"], signal });
    assert.equal(base.image.config.rootfs.diff_ids?.length, 2);
    context({ Dockerfile: "FROM base\nCOPY a /c\nENV A=1\nCOPY a /d\n" });
    const events: BuildEvent[] = [];
    const onEvent = (event: BuildEvent): void => void events.push(event);
    const outcome = await engine.builds.build({
      context: path,
      tags: ["app"],
      squash: "new",
      onEvent,
      signal,
    });
    const diffIds = outcome.image.config.rootfs.diff_ids ?? [];
    assert.deepEqual(diffIds.slice(0, 2), base.image.config.rootfs.diff_ids);
    assert.equal(diffIds.length, 3);
    for (const file of ["a", "b", "c", "d"]) assert.equal(await read(engine, "app", `/${file}`), "a");
    assert.deepEqual(events.at(-1), { kind: "done", image: outcome.image.id, names: ["app:latest"] });
    const all = await engine.builds.build({
      context: path,
      tags: ["one"],
      squash: { from: 1, to: 4 },
      signal,
    });
    assert.equal(all.image.config.rootfs.diff_ids?.length, 1);
    const none = engine.builds.build({ context: path, tags: ["none"], squash: { from: 1, to: 9 }, signal });
    await assert.rejects(none, /cannot squash layers 1 to 9: the image has 4/);
    await assert.rejects(engine.images.resolve("none"), (error) => isFailure(error, "not-found"));
  }),
);

test("further contexts: a directory, a tar, an image, an OCI layout", { skip }, () =>
  withEngine(async ({ engine, directory, context }) => {
    const path = context({ Dockerfile: "FROM scratch\nCOPY f /\n", f: "image" });
    const archive = join(directory, "layout.tar");
    const { images } = await engine.builds.build({
      context: path,
      tags: ["img:1"],
      outputs: [parseOutput(`type=oci,dest=${archive}`)],
      signal,
    });
    const layout = join(directory, "layout@home");
    const { writeFiles } = await import("./outputs/write_files.ts");
    await writeFiles(layout, fromBytes(readFileSync(archive)), signal);
    const tar = join(directory, "files.tar");
    await engine.builds.build({ context: path, outputs: [parseOutput(`type=tar,dest=${tar}`)], signal });
    const other = join(directory, "other");
    mkdirSync(other);
    writeFileSync(join(other, "f"), "other");
    writeFileSync(join(other, "hidden"), "x");
    writeFileSync(join(other, ".dockerignore"), "hidden");
    context({
      Dockerfile: ["dir", "tar", "img", "oci", "oci-tag", "oci-id"].reduce(
        (text, name) => `${text}COPY --from=${name} /f /${name}\n`,
        "FROM scratch\n",
      ),
    });
    const buildContexts = new Map([
      ["dir", other],
      ["tar", tar],
      ["img", "docker-image://img:1"],
      ["oci", `oci-layout://${layout}`],
      ["oci-tag", `oci-layout://${layout}:1`],
      ["oci-id", `oci-layout://${layout}@${images[0]?.id}`],
    ]);
    await engine.builds.build({ context: path, tags: ["app"], buildContexts, signal });
    for (const [name, text] of [
      ["dir", "other"],
      ["tar", "image"],
      ["img", "image"],
      ["oci", "image"],
      ["oci-tag", "image"],
      ["oci-id", "image"],
    ] as const)
      // prettier-ignore
      assert.equal(await read(engine, "app", `/${name}`), text);
    context({ Dockerfile: "FROM scratch\nCOPY --from=dir /hidden /\n" });
    await assert.rejects(engine.builds.build({ context: path, buildContexts, signal }));
  }),
);

test("several platforms: files only, each in a directory of its own", { skip }, () =>
  withEngine(async ({ engine, directory, context }) => {
    const path = context({
      Dockerfile: "FROM scratch\nARG TARGETARCH\nCOPY $TARGETARCH /f\n",
      amd64: "a",
      arm64: "b",
    });
    const platforms = ["amd64", "arm64"].map((architecture) => ({ os: "linux", architecture }));
    const dest = join(directory, "out");
    const outcome = await engine.builds.build({
      context: path,
      platforms,
      outputs: [{ type: "local", dest }],
      signal,
    });
    assert.deepEqual(
      outcome.images.map(({ config }) => config.architecture),
      ["amd64", "arm64"],
    );
    assert.equal(readFileSync(join(dest, "linux_amd64/f"), "utf8"), "a");
    assert.equal(readFileSync(join(dest, "linux_arm64/f"), "utf8"), "b");
    const named = engine.builds.build({ context: path, platforms, tags: ["app"], signal });
    await assert.rejects(named, (error) => isFailure(error, "unsupported"));
  }),
);

test("a base is pulled when it is not here, and again with pull", { skip }, () =>
  withEngine(async ({ engine, directory, context }) => {
    await using registry = await serveRegistry({ storage: "memory" });
    const name = `${registry.address}/base:1`;
    const publisher = await openEngine({ root: join(directory, "publisher"), driver: "erofs" });
    const path = context({ Dockerfile: "FROM scratch\nCOPY f /f\n", f: "one" });
    await publisher.builds.build({ context: path, tags: [name], push: true, signal });
    context({ Dockerfile: `FROM ${name}\nLABEL a=b\n` });
    await engine.builds.build({ context: path, tags: ["app"], signal });
    assert.equal(await read(engine, "app", "/f"), "one");
    context({ Dockerfile: "FROM scratch\nCOPY f /f\n", f: "two" });
    await publisher.builds.build({ context: path, tags: [name], push: true, signal });
    context({ Dockerfile: `FROM ${name}\nLABEL a=b\n` });
    await engine.builds.build({ context: path, tags: ["app"], signal });
    assert.equal(await read(engine, "app", "/f"), "one");
    await engine.builds.build({ context: path, tags: ["app"], pull: true, signal });
    assert.equal(await read(engine, "app", "/f"), "two");
    for (const { remote } of [engine, publisher].map((each) => ({ remote: each.remote() })))
      (await remote).close();
  }),
);

test("SOURCE_DATE_EPOCH: two directories, two days, one image", { skip }, async () => {
  const ids: string[] = [];
  for (const created of [1_000_000_000, 1_100_000_000])
    await withEngine(async ({ engine, context }) => {
      const path = context({ Dockerfile: "FROM scratch\nCOPY f /d/f\nLABEL a=b\n", f: "one" });
      const { utimesSync } = await import("node:fs");
      utimesSync(join(path, "f"), created, created);
      const { image } = await engine.builds.build({
        context: path,
        buildArgs: { SOURCE_DATE_EPOCH: "900000000" },
        signal,
      });
      ids.push(image.id);
    });
  assert.equal(ids[0], ids[1]);
});
