import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import * as fs from "node:fs";
import { join } from "node:path";
import { suite, test } from "node:test";
import {
  engineFixture,
  makeContainer,
  makeImage,
  signal,
  type EngineFixture,
} from "../../../../test/support/engine_fixture.ts";
import { scratch, unlessAll, unlessLinux, unlessRoot } from "../../../../test/suites/scratch.ts";
import { collect } from "../../../bytes/index.ts";
import { packTar, readTar } from "../../../tar/index.ts";
import { tarFile, tarOf } from "../../../../test/support/tar_help.ts";
import type { ContainerRecord } from "../record.ts";
import { directoryOf } from "../../../../test/suites/driver_helpers.ts";

const skip = unlessLinux;

/** How, from where, to where, and what `docker cp` 20.10 did: the paths that changed, or its error. */
type Case = readonly [way: "out" | "in" | "out-L" | "in-L", from: string, to: string, result: Tree | string];
/** Path to content, `dir`, or `-> target`. */
type Tree = Readonly<Record<string, string>>;

/** With `VARVE_LIVE=all` all of them, else each fourth. */
const cases = fs
  .readFileSync(join(import.meta.dirname, "../../../../test/fixtures/docker_cp.jsonl"), "utf8")
  .trim()
  .split("\n")
  .filter((_, index) => unlessAll === false || index % 4 === 0)
  .map((line) => JSON.parse(line) as Case);

/** What both sides hold in the beginning; the container also has links from its root. */
function fill(root: string, words: { file: string; a: string; b: string }): void {
  fs.mkdirSync(join(root, "dir/sub"), { recursive: true });
  fs.mkdirSync(join(root, "empty"));
  fs.writeFileSync(join(root, "file"), words.file);
  fs.writeFileSync(join(root, "dir/a"), words.a);
  fs.writeFileSync(join(root, "dir/sub/b"), words.b);
  for (const [name, target] of [
    ["linkdir", "dir"],
    ["linkfile", "file"],
    ["broken", "nowhere"],
  ] as const)
    fs.symlinkSync(target, join(root, name));
}

function fillContainer(root: string): void {
  fill(root, { file: "file", a: "a", b: "b" });
  for (const [name, target] of [
    ["abs", "/dir"],
    ["absfile", "/file"],
  ] as const)
    fs.symlinkSync(target, join(root, name));
}

function treeOf(root: string, path = ""): Tree {
  const tree: Record<string, string> = {};
  for (const name of fs.readdirSync(join(root, path))) {
    const below = path === "" ? name : `${path}/${name}`;
    const full = join(root, below);
    const stat = fs.lstatSync(full);
    if (stat.isDirectory()) Object.assign(tree, { [below]: "dir" }, treeOf(root, below));
    else tree[below] = stat.isSymbolicLink() ? `-> ${fs.readlinkSync(full)}` : fs.readFileSync(full, "utf8");
  }
  return tree;
}

function empty(root: string): void {
  for (const name of fs.readdirSync(root)) fs.rmSync(join(root, name), { recursive: true });
}

function changes(before: Tree, after: Tree): Tree {
  assert.deepEqual(
    Object.keys(before).filter((path) => !(path in after)),
    [],
    "nothing is gone",
  );
  return Object.fromEntries(Object.entries(after).filter(([path, content]) => before[path] !== content));
}

/** Where Docker says less (which path it was), ours may say more. */
function sameFailure(ours: string, dockers: string): boolean {
  if (ours === dockers) return true;
  return ["not a directory", "no such file or directory"].some(
    (end) => ours.endsWith(end) && dockers.endsWith(end),
  );
}

async function containerOf(fixture: EngineFixture): Promise<{ record: ContainerRecord; root: string }> {
  const { engine } = fixture;
  const record = await makeContainer(fixture, await makeImage(fixture, {}), { name: "NAME" });
  const layer = await engine.store.containers.get(record.ID);
  return { record, root: directoryOf(engine.store.driver, layer!.mountId).directory };
}

suite("cp does what docker cp does", { skip }, () => {
  for (const way of ["out", "in", "out-L", "in-L"] as const) {
    test(`${way === "out" || way === "in" ? way : `${way.slice(0, -2)}, symlinks followed`}`, async () => {
      using fixture = await engineFixture();
      using here = scratch("cp");
      const { record, root } = await containerOf(fixture);
      const { containers } = fixture.engine;
      const local = (path: string): string => (path === "." ? `${here.path}/.` : `${here.path}/${path}`);
      const options = { signal, followLink: way.endsWith("-L") };
      let ran = 0;
      for (const [of, from, to, result] of cases) {
        if (of !== way) continue;
        ran++;
        const [source, target] = way.startsWith("out") ? [root, here.path] : [here.path, root];
        empty(here.path);
        empty(root);
        fill(here.path, { file: "LOCAL", a: "A", b: "B" });
        fillContainer(root);
        const [sourceBefore, before] = [treeOf(source), treeOf(target)];
        const copying = way.startsWith("out")
          ? containers.copyOut(record.ID, `/${from}`, local(to), options)
          : containers.copyIn(local(from), record.ID, `/${to}`, options);
        const shown = `${from} to ${to}`;
        if (typeof result === "string") {
          const failure = await copying.then(
            () => "",
            (error: Error) => error.message,
          );
          const said = failure.replaceAll(here.path, "ROOT");
          assert.ok(sameFailure(said, result), `${shown}: ${said}, Docker: ${result}`);
          assert.deepEqual(changes(before, treeOf(target)), {}, shown);
        } else {
          await copying;
          assert.deepEqual(changes(before, treeOf(target)), result, shown);
        }
        assert.deepEqual(treeOf(source), sourceBefore, `${shown}: the source stays as it was`);
      }
      assert.ok(ran > 10, `${ran} cases`);
    });
  }
});

test("attributes travel: modes, times, hard links within what is copied", { skip }, async () => {
  using fixture = await engineFixture();
  using here = scratch("cp");
  const { record } = await containerOf(fixture);
  const at = (path: string): string => join(here.path, path);
  fs.mkdirSync(at("d"), { mode: 0o750 });
  fs.writeFileSync(at("d/one"), "x", { mode: 0o600 });
  fs.linkSync(at("d/one"), at("d/two"));
  const time = 1_577_934_245;
  fs.utimesSync(at("d/one"), time, time);
  await fixture.engine.containers.copyIn(at("d"), record.ID, "/in", { signal });
  await fixture.engine.containers.copyOut(record.ID, "/in", at("back"), { signal });
  const [one, two, directory] = ["back/one", "back/two", "back"].map((path) => fs.statSync(at(path)));
  assert.deepEqual([one!.mode & 0o777, directory!.mode & 0o777, one!.mtimeMs], [0o600, 0o750, time * 1000]);
  assert.deepEqual([one!.ino, one!.nlink], [two!.ino, 2]);
});

test(
  "owners: kept on the way in; on the way out the caller's, but in archive mode",
  { skip: unlessRoot },
  async () => {
    using fixture = await engineFixture();
    using here = scratch("cp");
    const { record, root } = await containerOf(fixture);
    fs.writeFileSync(join(here.path, "f"), "x");
    fs.chownSync(join(here.path, "f"), 1234, 1235);
    const { containers } = fixture.engine;
    await containers.copyIn(join(here.path, "f"), record.ID, "/f", { signal });
    const owner = (path: string): number[] => [fs.statSync(path).uid, fs.statSync(path).gid];
    assert.deepEqual(owner(join(root, "f")), [1234, 1235]);
    await containers.copyOut(record.ID, "/f", join(here.path, "mine"), { signal });
    await containers.copyOut(record.ID, "/f", join(here.path, "theirs"), { signal, archive: true });
    assert.deepEqual(
      [owner(join(here.path, "mine")), owner(join(here.path, "theirs"))],
      [
        [0, 0],
        [1234, 1235],
      ],
    );
  },
);

test("a container's symlinks lead to places inside of it, on the way in and out", { skip }, async () => {
  using fixture = await engineFixture();
  using here = scratch("cp");
  using decoy = scratch("decoy");
  const { record, root } = await containerOf(fixture);
  fs.writeFileSync(join(decoy.path, "secret"), "of this machine");
  fs.symlinkSync(decoy.path, join(root, "way"));
  fs.symlinkSync(`../../../../../../../..${decoy.path}`, join(root, "climbing"));
  const { containers } = fixture.engine;
  fs.writeFileSync(join(here.path, "f"), "x");
  for (const way of ["way", "climbing"]) {
    for (const followLink of [false, true]) {
      const out = containers.copyOut(record.ID, `/${way}/secret`, join(here.path, "stolen"), {
        signal,
        followLink,
      });
      await assert.rejects(out, {
        kind: "not-found",
        message: `Could not find the file /${way}/secret in container NAME`,
      });
    }
    await assert.rejects(containers.copyIn(join(here.path, "f"), record.ID, `/${way}/f`, { signal }));
  }
  assert.deepEqual(fs.readdirSync(decoy.path), ["secret"]);
  assert.equal(fs.existsSync(join(here.path, "stolen")), false);
});

test(
  "archives: entries begin with the last name of the path; hostile ones stay inside",
  { skip },
  async () => {
    using fixture = await engineFixture();
    const { record, root } = await containerOf(fixture);
    fillContainer(root);
    const { containers } = fixture.engine;
    const names = async (path: string) => {
      const { stat, tar } = await containers.readArchive(record.ID, path, { signal });
      const paths: string[] = [];
      for await (const { entry } of readTar(tar)) paths.push(entry.path);
      return [stat.name, stat.kind, ...paths];
    };
    assert.deepEqual(await names("/file"), ["file", "file", "file"]);
    assert.deepEqual(await names("dir"), ["dir", "directory", "dir/", "dir/a", "dir/sub/", "dir/sub/b"]);
    assert.deepEqual(await names("/dir/sub/."), [".", "directory", "./", "./b"]);
    assert.deepEqual(await names("/linkdir/sub/"), ["sub", "directory", "sub/", "sub/b"]);
    assert.deepEqual(await names("/linkdir"), ["linkdir", "symlink", "linkdir"]);
    const ofRoot = await names("/");
    assert.deepEqual(ofRoot.slice(0, 3), ["/", "directory", "/"]);
    assert.ok(ofRoot.includes("/dir/sub/b"));
    assert.deepEqual((await names("/.")).slice(0, 3), [".", "directory", "./"]);
    execFileSync("mkfifo", [join(root, "fifo")]);
    assert.deepEqual(await names("/fifo"), ["fifo", "other", "fifo"]);
    fs.rmSync(join(root, "fifo"));
    assert.equal((await containers.statPath(record.ID, "/linkfile")).linkTarget, "file");

    const write = (...files: ReturnType<typeof tarFile>[]) =>
      containers.writeArchive(record.ID, "/dir", packTar(files), { signal });
    await write(
      tarFile({ path: "../../up" }, "u"),
      tarFile({ path: "/root" }, "r"),
      tarFile({ path: "sub/n" }, "n"),
    );
    const after = treeOf(root);
    assert.deepEqual(
      [after["dir/up"], after["dir/root"], after["dir/sub/n"], after["up"]],
      ["u", "r", "n", undefined],
    );
    await assert.rejects(write(tarFile({ path: ".wh.a" }, "")), {
      kind: "unsupported",
      message: /names that begin with .wh. mean deletion/,
    });
    await assert.rejects(write(tarFile({ path: "sub" }, "file")), {
      kind: "conflict",
      message: 'cannot overwrite directory "/dir/sub" with non-directory "/dir"',
    });
    await assert.rejects(containers.writeArchive(record.ID, "/file", packTar([]), { signal }), {
      message: "extraction point is not a directory",
    });
    await assert.rejects(containers.writeArchive(record.ID, "/none", packTar([]), { signal }), {
      kind: "not-found",
    });
  },
);

test("a tar that is cut off, and a copy that is cancelled, fail", { skip }, async () => {
  using fixture = await engineFixture();
  const { record } = await containerOf(fixture);
  const { containers } = fixture.engine;
  const bytes = tarOf([tarFile({ path: "f" }, "x".repeat(5000))]);
  async function* cut(): AsyncGenerator<Uint8Array, void, undefined> {
    yield bytes.subarray(0, 2000);
  }
  await assert.rejects(containers.writeArchive(record.ID, "/", cut(), { signal }), { kind: "corrupt" });
  await assert.rejects(containers.writeArchive(record.ID, "/", cut(), { signal: AbortSignal.abort() }), {
    kind: "cancelled",
  });
});

test("B108 export is the whole tree with the init layer's placeholders", { skip }, async () => {
  using fixture = await engineFixture();
  const { record, root } = await containerOf(fixture);
  fillContainer(root);
  const exported = await collect(await fixture.engine.containers.export(record.ID, { signal }), 1 << 20);
  const paths: string[] = [];
  for await (const { entry } of readTar(once(exported))) paths.push(entry.path);
  for (const path of [
    ".dockerenv",
    "etc/hosts",
    "etc/hostname",
    "etc/resolv.conf",
    "etc/mtab",
    "dev/console",
    "dir/sub/b",
    "linkdir",
  ])
    assert.ok(paths.includes(path), path);
  assert.deepEqual(
    paths,
    paths.toSorted((a, b) => (a.replaceAll("/", "\0") < b.replaceAll("/", "\0") ? -1 : 1)),
  );
});

test("files of /etc that the container has mounted are read, and not replaced", { skip }, async () => {
  using fixture = await engineFixture();
  const { record, root } = await containerOf(fixture);
  const { containers } = fixture.engine;
  fs.writeFileSync(record.HostnamePath, "its-name\n");
  const { tar } = await containers.readArchive(record.ID, "/etc/hostname", { signal });
  for await (const { body } of readTar(tar))
    assert.equal((await collect(body, 100)).toString(), "its-name\n");
  const write = containers.writeArchive(record.ID, "/etc", packTar([tarFile({ path: "hostname" }, "x")]), {
    signal,
  });
  await assert.rejects(write, { message: "unlinkat /etc/hostname: device or resource busy" });
  assert.equal(fs.readFileSync(join(root, "etc/hostname"), "utf8"), "");
});

test("a removal does not wait for those who look into the container", { skip }, async () => {
  using fixture = await engineFixture();
  const { record, root } = await containerOf(fixture);
  fs.writeFileSync(join(root, "big"), Buffer.alloc(8 << 20));
  const { containers } = fixture.engine;
  const exported = (await containers.export(record.ID, { signal }))[Symbol.asyncIterator]();
  const { tar } = await containers.readArchive(record.ID, "/big", { signal });
  const copied = tar[Symbol.asyncIterator]();
  for (const looking of [exported, copied]) assert.equal((await looking.next()).done, false);
  await containers.remove(record.ID);
  const rest = async (of: AsyncIterator<Uint8Array>): Promise<number> => {
    let bytes = 0;
    for (let next = await of.next(); next.done !== true; next = await of.next()) bytes += next.value.length;
    return bytes;
  };
  await assert.rejects(rest(exported), { kind: "cancelled" });
  // A file that is open is there to its end.
  assert.ok((await rest(copied)) > 7 << 20);
  assert.deepEqual(await containers.list({ all: true }), []);
});

async function* once(bytes: Uint8Array): AsyncGenerator<Uint8Array, void, undefined> {
  yield bytes;
}
