/** The directory beside one that a real dockerd wrote. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import * as fs from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { dockerdSkip, startDockerd } from "../suites/dockerd.ts";
import { changesOf, entriesOf, inRoot, makeLayer, tarOf } from "../suites/driver_helpers.ts";
import { overlaySkip } from "../suites/overlay_skip.ts";
import { changeBottom, fillBottom, storm } from "../suites/root_fixture.ts";
import { scratch } from "../suites/scratch.ts";
import { createOverlay2, createVfs } from "../../src/driver/index.ts";

const skip = dockerdSkip || overlaySkip;

/** Kind, mode, owner, size of small files and target of every name, with the random names replaced by A, B, ... */
function shapeOf(home: string, names: ReadonlyMap<string, string>): string[] {
  const shorten = (text: string): string =>
    [...names].reduce((short, [id, name]) => short.replaceAll(id, name), text);
  const lines: string[] = [];
  const walk = (path: string): void => {
    const full = join(home, path);
    const stat = fs.lstatSync(full);
    const holds = stat.isSymbolicLink()
      ? fs.readlinkSync(full)
      : stat.isFile()
        ? fs.readFileSync(full, "latin1")
        : "";
    lines.push(shorten(`${stat.mode.toString(8)} ${stat.uid}:${stat.gid} ${path} ${holds}`));
    // What the layers hold is not the driver's.
    if (!stat.isDirectory() || path.endsWith("/diff")) return;
    for (const name of fs.readdirSync(full)) walk(join(path, name));
  };
  walk("");
  return lines.sort();
}

/** Names of layers, bottom first, and of their short links. */
function namesIn(home: string, ids: readonly string[]): Map<string, string> {
  const names = new Map<string, string>();
  for (const [index, id] of ids.entries()) {
    // `<id>-init` must be replaced before `<id>`, or both get one name.
    const letter = "ABCDEF"[index] as string;
    names.set(fs.readFileSync(join(home, id, "link"), "latin1"), `LINK-${letter}`);
    names.set(id, letter);
  }
  return new Map([...names].sort(([a], [b]) => b.length - a.length));
}

/** Imports a rootfs of one file, makes a second layer by commit, and creates a container on it. */
function makeContainer(docker: (...args: string[]) => string, directory: string): string {
  fs.mkdirSync(join(directory, "rootfs"));
  fillBottom(join(directory, "rootfs"));
  fs.writeFileSync(join(directory, "rootfs/file"), "content");
  changeBottom(join(directory, "rootfs"));
  execFileSync("tar", ["-cf", join(directory, "rootfs.tar"), "-C", join(directory, "rootfs"), "."]);
  docker("import", join(directory, "rootfs.tar"), "one");
  const first = docker("create", "--network", "none", "one", "/none");
  docker("cp", join(directory, "rootfs.tar"), `${first}:/added`);
  docker("commit", first, "two");
  docker("rm", first);
  return docker("create", "--network", "none", "two", "/none");
}

test("beside dockerd's overlay2", { skip }, async (context) => {
  using dir = scratch("dockerd");
  await using daemon = await startDockerd(dir.path, "overlay2");
  const container = makeContainer(daemon.docker, dir.path);
  const theirs = join(daemon.root, "overlay2");
  const driver = createOverlay2({ root: theirs, locks: join(dir.path, "locks") });
  const inspected = daemon.docker("inspect", "-f", "{{json .GraphDriver.Data}}", container);
  const graph = JSON.parse(inspected) as Record<string, string>;
  const idOf = (path: string): string => path.split("/").at(-2) as string;
  const top = idOf(graph["UpperDir"] as string);

  await context.test("B086 we read what he wrote, and say of it what he says", async () => {
    assert.deepEqual(await driver.graphData(top), graph);
    await inRoot(driver, top, (root) => assert.equal(fs.readFileSync(join(root, "file"), "utf8"), "content"));
    assert.deepEqual(await changesOf(driver, top), []);
  });

  await context.test("B130 B131 B146 B147 B148 B149 his directory and ours have one shape", async () => {
    const lowers = (graph["LowerDir"] as string).split(":").map(idOf);
    const shape = shapeOf(theirs, namesIn(theirs, [...lowers.toReversed(), top]));
    assert.deepEqual(shape, await shapeOfOurs(join(dir.path, "overlay2")));
  });

  await context.test("B097 changes are those of docker diff after a storm, sorted", async () => {
    await inRoot(driver, top, storm);
    const lines = daemon.docker("diff", container).split("\n");
    const sorted = lines.sort((a, b) => (a.slice(2) < b.slice(2) ? -1 : 1));
    assert.deepEqual(await changesOf(driver, top), sorted);
    assert.ok(lines.length > 15, lines.join());
  });

  await context.test("B042 B043 B045 the layer tar has the entries of docker commit", async () => {
    const ours = await tarOf(driver, top);
    daemon.docker("commit", container, "three");
    daemon.docker("save", "-o", join(dir.path, "saved.tar"), "three");
    execFileSync("tar", ["-xf", join(dir.path, "saved.tar"), "-C", dir.path]);
    const manifest = JSON.parse(fs.readFileSync(join(dir.path, "manifest.json"), "utf8")) as {
      Layers: string[];
    }[];
    const layer = join(dir.path, manifest[0]?.Layers.at(-1) ?? "");
    assert.deepEqual([...ours].sort(), (await entriesOf(fs.createReadStream(layer))).sort());
    assert.ok(ours.length > 15, ours.join());
  });
});

/** The same layers as `makeContainer` makes, by our driver. */
async function shapeOfOurs(home: string): Promise<string[]> {
  const driver = createOverlay2({ root: home });
  const [base, image, mount] = ["1", "2", "3"].map((digit) => digit.repeat(64)) as [string, string, string];
  const ids = [base, image, `${mount}-init`, mount];
  for (const [index, id] of ids.entries()) {
    await driver.create(id, ids[index - 1]);
    // dockerd has mounted the two layers of the container, which makes work/work.
    if (index > 1) await inRoot(driver, id, () => {});
  }
  return shapeOf(home, namesIn(home, ids));
}

test(
  "beside dockerd's vfs: B155 we read what he wrote, B097 and know the changes",
  { skip: dockerdSkip },
  async () => {
    using dir = scratch("dockerd");
    await using daemon = await startDockerd(dir.path, "vfs");
    const container = makeContainer(daemon.docker, dir.path);
    daemon.docker("cp", join(dir.path, "rootfs.tar"), `${container}:/new`);
    const record = join(daemon.root, "image/vfs/layerdb/mounts", container, "mount-id");
    const top = fs.readFileSync(record, "latin1");
    const driver = createVfs({ root: join(daemon.root, "vfs"), locks: join(dir.path, "locks") });
    await inRoot(driver, top, (root) => assert.equal(fs.readFileSync(join(root, "file"), "utf8"), "content"));
    assert.deepEqual(await changesOf(driver, top), daemon.docker("diff", container).split("\n"));
    const child = await makeLayer(driver, top);
    assert.deepEqual(await changesOf(driver, child), []);
  },
);
