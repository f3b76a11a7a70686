/** The directory beside one that a real dockerd wrote. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import * as fs from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { dockerdSkip, startDockerd } from "../../test/suites/dockerd.ts";
import { changesOf, inRoot, makeLayer } from "../../test/suites/driver_helpers.ts";
import { overlaySkip } from "../../test/suites/overlay_skip.ts";
import { changeBottom, fillBottom, storm } from "../../test/suites/root_fixture.ts";
import { scratch } from "../../test/suites/scratch.ts";
import { createOverlay2, createVfs } from "./index.ts";

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

test(
  "B086 B146 B147 B148 B149 dockerd's overlay2 directory and ours have one shape, and ours reads his",
  { skip },
  async () => {
    using dir = scratch("dockerd");
    await using daemon = await startDockerd(dir.path, "overlay2");
    const container = makeContainer(daemon.docker, dir.path);
    const theirs = join(daemon.root, "overlay2");
    const graph = JSON.parse(
      daemon.docker("inspect", "-f", "{{json .GraphDriver.Data}}", container),
    ) as Record<string, string>;
    const idOf = (path: string): string => path.split("/").at(-2) as string;
    const lowers = (graph["LowerDir"] as string).split(":").map(idOf);
    const top = idOf(graph["UpperDir"] as string);

    const his = createOverlay2({ root: theirs, locks: join(dir.path, "locks") });
    assert.deepEqual(await his.graphData(top), graph);
    await inRoot(his, top, (root) => assert.equal(fs.readFileSync(join(root, "file"), "utf8"), "content"));
    assert.deepEqual(await changesOf(his, top), []);
    const shape = shapeOf(theirs, namesIn(theirs, [...lowers.toReversed(), top]));

    const home = join(dir.path, "overlay2");
    const ours = createOverlay2({ root: home });
    const ids = ["1", "2", "3"].map((digit) => digit.repeat(64));
    const own = [ids[0], ids[1], `${ids[2]}-init`, ids[2]] as string[];
    for (const [index, id] of own.entries()) {
      await ours.create(id, own[index - 1]);
      // dockerd has mounted the two layers of the container, which makes work/work.
      if (index > 1) await inRoot(ours, id, () => {});
    }
    const expected = shapeOf(home, namesIn(home, own));
    assert.deepEqual(shape, expected);
  },
);

test(
  "B155 vfs: we read what dockerd wrote, and know a container's changes",
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

test("B097 changes are those of docker diff after a storm, sorted", { skip }, async () => {
  using dir = scratch("dockerd");
  await using daemon = await startDockerd(dir.path, "overlay2");
  const container = makeContainer(daemon.docker, dir.path);
  const record = join(daemon.root, "image/overlay2/layerdb/mounts", container, "mount-id");
  const top = fs.readFileSync(record, "latin1");
  const driver = createOverlay2({ root: join(daemon.root, "overlay2"), locks: join(dir.path, "locks") });
  await inRoot(driver, top, storm);
  const theirs = daemon.docker("diff", container).split("\n");
  assert.deepEqual(
    await changesOf(driver, top),
    theirs.sort((a, b) => (a.slice(2) < b.slice(2) ? -1 : 1)),
  );
  assert.ok(theirs.length > 15, theirs.join());
});
