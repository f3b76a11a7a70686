import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import * as fs from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { inRoot, makeLayer, newCacheId, directoryOf } from "../../test/suites/driver_helpers.ts";
import { driverSuite } from "../../test/suites/driver_suite.ts";
import { scratch, unlessLinux } from "../../test/suites/scratch.ts";
import * as sys from "../sys/index.ts";
import { createOverlay2, type Driver } from "./index.ts";
import { overlaySkip } from "../../test/suites/overlay_skip.ts";

const skip = overlaySkip;

driverSuite("overlay2", (root) => createOverlay2({ root: join(root, "overlay2") }), { skip });

/** Runs `body` with a driver on a fresh `overlay2/`. */
async function given(body: (driver: Driver, home: string) => Promise<void>): Promise<void> {
  using dir = scratch("overlay2");
  const home = join(dir.path, "overlay2");
  await body(createOverlay2({ root: home }), home);
}

/** Every path below, with mode and what it holds or points to. */
function listing(home: string, ids: Record<string, string>): string[] {
  const lines: string[] = [];
  const shorten = (text: string): string =>
    Object.entries(ids).reduce((short, [name, id]) => short.replaceAll(id, name), text);
  const walk = (path: string): void => {
    const full = join(home, path);
    const stat = fs.lstatSync(full);
    const mode = (stat.mode & 0o7777).toString(8);
    if (stat.isSymbolicLink()) lines.push(shorten(`${path} -> ${fs.readlinkSync(full)}`));
    else if (stat.isFile())
      lines.push(shorten(`${mode} ${path} ${fs.readFileSync(full, "latin1")}`.trimEnd()));
    else lines.push(shorten(`${mode} ${path}`.trimEnd()));
    if (stat.isDirectory()) for (const name of fs.readdirSync(full)) walk(join(path, name));
  };
  walk("");
  return lines.sort();
}

test(
  "B146 B147 B148 B149 B130 B131 the directory is Docker's, whatever the umask",
  { skip: unlessLinux },
  async () => {
    await given(async (driver, home) => {
      const before = sys.umask(0o077);
      const [a, b, c] = [newCacheId(), newCacheId(), `${newCacheId()}-init`];
      try {
        await driver.create(a, undefined);
        await driver.create(b, a);
        await driver.create(c, b);
      } finally {
        sys.umask(before);
      }
      const link = (id: string): string => fs.readFileSync(join(home, id, "link"), "latin1");
      const [la, lb, lc] = [link(a), link(b), link(c)];
      for (const text of [la, lb, lc]) assert.match(text, /^[A-Z2-7]{26}$/);
      assert.deepEqual(
        listing(home, { A: a, B: b, C: c, LA: la, LB: lb, LC: lc }),
        [
          "710",
          "700 l",
          "l/LA -> ../A/diff",
          "l/LB -> ../B/diff",
          "l/LC -> ../C/diff",
          "710 A",
          "755 A/diff",
          "644 A/link LA",
          "600 A/committed",
          "710 B",
          "755 B/diff",
          "644 B/link LB",
          "644 B/lower l/LA",
          "700 B/work",
          "600 B/committed",
          "710 C",
          "755 C/diff",
          "644 C/link LC",
          "644 C/lower l/LB:l/LA",
          "700 C/work",
        ].sort(),
      );
      await driver.remove(c);
      assert.deepEqual(fs.readdirSync(join(home, "l")).sort(), [la, lb].sort(), "the short link goes too");
    });
  },
);

test(
  "B084 B085 B086 GraphDriver data: parents nearest first, no LowerDir for a base, sorted keys",
  { skip: unlessLinux },
  async () => {
    await given(async (driver, home) => {
      const [a, b, c] = [newCacheId(), newCacheId(), newCacheId()];
      await driver.create(a, undefined);
      await driver.create(b, a);
      await driver.create(c, b);
      const own = (id: string): Record<string, string> => ({
        MergedDir: `${home}/${id}/merged`,
        UpperDir: `${home}/${id}/diff`,
        WorkDir: `${home}/${id}/work`,
      });
      assert.deepEqual(await driver.graphData(a), own(a));
      const top = await driver.graphData(c);
      assert.deepEqual(top, { LowerDir: `${home}/${b}/diff:${home}/${a}/diff`, ...own(c) });
      assert.deepEqual(Object.keys(top ?? {}), ["LowerDir", "MergedDir", "UpperDir", "WorkDir"]);
      await assert.rejects(driver.graphData(newCacheId()), { kind: "not-found" });
    });
  },
);

test("B049 at most 128 lowers", { skip: unlessLinux }, async () => {
  await given(async (driver) => {
    let parent = newCacheId();
    await driver.create(parent, undefined);
    for (let depth = 1; depth <= 128; depth++) {
      const child = newCacheId();
      await driver.create(child, parent);
      parent = child;
    }
    await assert.rejects(driver.create(newCacheId(), parent), {
      kind: "limit",
      message: "max depth exceeded",
    });
    assert.equal((await driver.list()).length, 129);
  });
});

test("B151 B153 B007 B008 the mount is Docker's; merged lives only while mounted", { skip }, async () => {
  await given(async (driver, home) => {
    const base = await makeLayer(driver, undefined, (root) => fs.writeFileSync(join(root, "f"), ""));
    const image = await makeLayer(driver, base);
    const init = await makeLayer(driver, image);
    const id = newCacheId();
    await driver.create(id, init);
    const files = (): string[] => fs.readdirSync(join(home, id)).sort();
    assert.deepEqual(files(), ["diff", "link", "lower", "work"]);
    await inRoot(driver, id, (root) => {
      assert.equal(root, `${home}/${id}/merged`);
      const mount = sys.mountInfo().find((entry) => entry.mountPoint === root);
      assert.equal(mount?.type, "overlay");
      assert.equal(mount.source, "overlay");
      assert.equal(mount.options, "rw,relatime");
      const lower = [init, image, base].map(
        (below) => `${home}/l/${fs.readFileSync(join(home, below, "link"))}`,
      );
      const expected = `rw,lowerdir=${lower.join(":")},upperdir=${home}/${id}/diff,workdir=${home}/${id}/work`;
      // A first mount gives the file system its ID since Linux 6.6, and says so.
      assert.equal(mount.superOptions.replace(/,uuid=on$/, ""), expected);
      assert.deepEqual(fs.readdirSync(join(home, id, "diff")), []);
    });
    assert.deepEqual(files(), ["diff", "link", "lower", "work"]);
    assert.equal(fs.statSync(join(home, id, "work/work")).mode & 0o7777, 0);
  });
});

test("B149 a layer with children is mounted without upper layer, its own diff first", { skip }, async () => {
  await given(async (driver, home) => {
    const base = await makeLayer(driver, undefined, (root) => fs.writeFileSync(join(root, "f"), "1"));
    const image = await makeLayer(driver, base, (root) => fs.writeFileSync(join(root, "f"), "2"));
    await driver.create(newCacheId(), image);
    await inRoot(driver, image, (root) => {
      assert.equal(fs.readFileSync(join(root, "f"), "utf8"), "2");
      assert.throws(() => fs.writeFileSync(join(root, "f"), ""), { code: "EROFS" });
      const mount = sys.mountInfo().find((entry) => entry.mountPoint === root);
      assert.match(
        mount?.superOptions ?? "",
        new RegExp(`lowerdir=${home}/${image}/diff:${home}/l/[A-Z2-7]{26}`),
      );
      assert.doesNotMatch(mount?.superOptions ?? "", /upperdir/);
    });
  });
});

test("B152 128 lowers mount by relative paths, and the working directory stays", { skip }, async () => {
  await given(async (driver, home) => {
    let parent = newCacheId();
    await driver.create(parent, undefined);
    for (let depth = 1; depth <= 128; depth++) {
      fs.writeFileSync(join(directoryOf(driver, parent).directory, `f${depth}`), String(depth));
      const child = newCacheId();
      await driver.create(child, parent);
      parent = child;
    }
    const before = fs.statSync(".").ino;
    await inRoot(driver, parent, (root) => {
      assert.equal(fs.readFileSync(join(root, "f1"), "utf8"), "1");
      assert.equal(fs.readdirSync(root).length, 128);
      fs.writeFileSync(join(root, "new"), "");
      const options = sys.mountInfo().find((entry) => entry.mountPoint === root)?.superOptions ?? "";
      assert.match(options, /lowerdir=l\/[A-Z2-7]{26}:l\//);
      assert.ok(options.includes(`upperdir=${parent}/diff,workdir=${parent}/work`));
    });
    assert.equal(fs.statSync(".").ino, before);
    assert.deepEqual(fs.readdirSync(join(home, parent, "diff")), ["new"]);
  });
});

test("a root with a comma, colon or backslash in its name mounts too", { skip }, async () => {
  using dir = scratch("overlay2");
  const home = join(dir.path, "a,b:c\\d é", "overlay2");
  const driver = createOverlay2({ root: home });
  const top = await makeLayer(driver, await makeLayer(driver, undefined));
  await inRoot(driver, top, (root) => fs.writeFileSync(join(root, "f"), "x"));
  assert.equal(fs.readFileSync(join(home, top, "diff/f"), "utf8"), "x");
  await driver.remove(top);
});

test("a mount that fails says so in Docker's words and leaves no mount point", { skip }, async () => {
  await given(async (driver, home) => {
    const base = await makeLayer(driver, undefined);
    const id = newCacheId();
    await driver.create(id, base);
    fs.rmdirSync(join(home, id, "work"));
    await assert.rejects(driver.mount(id), {
      message: `error creating overlay mount to ${home}/${id}/merged: no such file or directory (ENOENT)`,
    });
    assert.equal(fs.existsSync(join(home, id, "merged")), false);
  });
});

test(
  "garbage collection does not see BuildKit's directories, yet they can be used",
  { skip: unlessLinux },
  async () => {
    await given(async (driver) => {
      const theirs = "0dlqdeg0d9pkzrvsf86wkfsf8";
      await driver.create(theirs, undefined);
      const ours = newCacheId();
      await driver.create(ours, theirs);
      assert.deepEqual(await driver.list(), [ours]);
      assert.match((await driver.graphData(ours))?.["LowerDir"] ?? "", new RegExp(`/${theirs}/diff$`));
    });
  },
);

/** What root of a user namespace of its own does with the driver; it prints what it finds. */
const rootlessScript = (home: string): string => `
  const fs = await import("node:fs");
  const { createOverlay2, probeOverlay } = await import(${JSON.stringify(new URL("./index.ts", import.meta.url).href)});
  const driver = createOverlay2({ root: ${JSON.stringify(home)} });
  const [base, top] = ["a".repeat(64), "b".repeat(64)];
  await driver.create(base, undefined);
  const lower = driver.target(base).directory;
  fs.mkdirSync(lower + "/directory");
  fs.writeFileSync(lower + "/file", "");
  await driver.create(top, base);
  const root = await driver.mount(top);
  fs.unlinkSync(root.path + "/file");
  fs.rmdirSync(root.path + "/directory");
  fs.mkdirSync(root.path + "/directory", { mode: 0o700 });
  await root[Symbol.asyncDispose]();
  const changes = await driver.changes(top, { signal: new AbortController().signal });
  console.log(JSON.stringify([probeOverlay(lower).ok, driver.target(top), changes.map((c) => c.kind + c.path)]));`;

/** Whether a user namespace can be had. */
const unshared = ["-Urm", "--"];
const rootlessSkip =
  unlessLinux || (spawnSync("unshare", [...unshared, "true"]).status === 0 ? false : "needs unshare -U");

test(
  "B043 rootless: whiteouts are devices, opaque is user.overlay.opaque",
  { skip: rootlessSkip },
  async () => {
    using dir = scratch("overlay2");
    const home = join(dir.path, "overlay2");
    const command = [...unshared, process.execPath, "--input-type=module", "-e", rootlessScript(home)];
    const child = spawnSync("unshare", command, { encoding: "utf8" });
    assert.equal(child.status, 0, child.stderr);
    const upper = `${home}/${"b".repeat(64)}/diff`;
    assert.deepEqual(JSON.parse(child.stdout), [
      true,
      { directory: upper, whiteouts: "overlay-user", ownership: "best-effort" },
      ["C/directory", "D/file"],
    ]);
    const opaque = sys.getXattrAt(sys.AT_FDCWD, `${upper}/directory`, "user.overlay.opaque");
    assert.deepEqual(Buffer.from(opaque ?? []).toString(), "y");
    const whiteout = sys.statAt(sys.AT_FDCWD, `${upper}/file`);
    assert.deepEqual([whiteout.mode, whiteout.rdevMajor, whiteout.rdevMinor], [sys.S_IFCHR, 0, 0]);
  },
);
