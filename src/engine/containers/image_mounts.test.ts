/** Images as mounts of containers, under every driver. */
import assert from "node:assert/strict";
import * as fs from "node:fs";
import { join } from "node:path";
import { after, before, suite, test } from "node:test";
import {
  engineFixture,
  makeContainer,
  makeImage,
  named,
  signal,
  type EngineFixture,
} from "../../../test/support/engine_fixture.ts";
import { cannotLive, endAll, importBase } from "../../../test/support/live_machine.ts";
import { erofsSkip } from "../../../test/suites/erofs_skip.ts";
import { scratch } from "../../../test/suites/scratch.ts";
import { treeTar } from "../../layer/index.ts";
import { collectGarbage, type StoredImage } from "../../store/index.ts";
import { mountInfo } from "../../sys/index.ts";
import { LiveContainers } from "../live/live_containers.ts";
import { beginRunMounts } from "../volumes/run_mounts.ts";
import type { MountShown } from "./mounts_shown.ts";
import { readHostConfig, readRecord, type ContainerRecord } from "./record.ts";

/** Ends when its file `/go` is there. */
const waiting = "while [ ! -f /go ]; do sleep 0.05; done; cat /image/dir/f /part/f; ls /image/dir";

/** As an entry of `Mounts`; `Source` is the image that is mounted. */
const image = (Target: string, Subpath?: string, Source = "data:1"): object => ({
  Type: "image",
  Source,
  Target,
  ...(Subpath !== undefined && { ImageOptions: { Subpath } }),
});

for (const driver of ["overlay2", "erofs", "vfs"] as const) {
  const skip = cannotLive || (driver === "erofs" && erofsSkip("file") && erofsSkip("loop"));
  suite(`images as mounts, ${driver}`, { skip }, () => {
    let host: EngineFixture;
    let base: StoredImage;
    const outside = scratch("outside");
    before(async () => {
      host = await engineFixture(driver);
      base = await importBase(host);
      await makeData();
    });
    after(() => {
      endAll(host.root);
      host[Symbol.dispose]();
      outside[Symbol.dispose]();
    });

    /** Of two layers, of which the upper one covers a file. */
    async function makeData(): Promise<void> {
      using tree = scratch("tree");
      fs.mkdirSync(join(tree.path, "dir"));
      for (const name of ["f", "g"]) fs.writeFileSync(join(tree.path, "dir", name), "below\n");
      fs.symlinkSync("dir", join(tree.path, "inside"));
      fs.symlinkSync(outside.path, join(tree.path, "out"));
      const below = await host.engine.images.import(treeTar(tree.path, { signal }), {
        signal,
        name: named("below:1"),
      });
      await makeImage(host, { base: below, files: { "dir/f": "above\n" }, names: ["data:1"] });
    }

    const create = (script: string, Mounts: readonly object[]): Promise<ContainerRecord> =>
      makeContainer(host, base, { config: { Cmd: ["sh", "-c", script] }, hostConfig: { Mounts } });

    const supervisor = (): LiveContainers =>
      new LiveContainers({ store: host.engine.store, warn: (text) => assert.fail(text) });

    const logOf = (id: string): string =>
      fs
        .readFileSync(join(host.root, "containers", id, `${id}-json.log`), "utf8")
        .replaceAll(/^.*?"log":"(.*?)\\n".*\n/gm, "$1 ");

    /** What is mounted of images, but for the one that the container's own root stands on. */
    const mounts = (): string[] =>
      mountInfo()
        .map(({ mountPoint }) => mountPoint as string)
        .filter((path) => /\/varve\/(mounts\/.*\.view|run-mounts\/.*)$/.test(path))
        .filter((path) => path.startsWith(host.root));

    async function run(script: string, asked: readonly object[]): Promise<string> {
      await using live = supervisor();
      const { ID } = await create(script, asked);
      const ended = live.wait(ID, "next-exit", signal);
      try {
        await live.start(ID);
        await ended;
        return logOf(ID);
      } finally {
        await live.remove(ID);
      }
    }

    test("the whole of one and a part, read-only; another supervisor finds them, the end ends them", async () => {
      const { ID } = await create(waiting, [image("/image"), image("/part", "inside")]);
      let live = supervisor();
      await live.start(ID);
      await live[Symbol.asyncDispose]();
      assert.equal(mounts().length, 2);
      live = supervisor();
      await live.restore();
      const { Mounts } = await host.engine.containers.inspect(ID);
      const { Type, Name, Source, RW, Mode, Propagation } = Mounts[0] as MountShown;
      assert.deepEqual([Type, Name, RW, Mode, Propagation], ["image", "data:1", false, "", "rprivate"]);
      assert.equal(fs.readFileSync(join(Source, "dir/f"), "utf8"), "above\n");
      assert.throws(() => fs.writeFileSync(join(Source, "dir/f"), ""), { code: "EROFS" });
      const ended = live.wait(ID, "next-exit", signal);
      const { Pid } = (await live.find(ID)).State;
      assert.throws(() => fs.writeFileSync(`/proc/${Pid}/root/image/new`, ""), { code: "EROFS" });
      fs.writeFileSync(`/proc/${Pid}/root/go`, "");
      await ended;
      assert.equal(logOf(ID), "above above f g ");
      await live.remove(ID);
      assert.deepEqual(mounts(), []);
      assert.deepEqual(fs.readdirSync(join(host.root, "varve/run-mounts")), []);
      await live[Symbol.asyncDispose]();
    });

    test("a part that is not there, or outside, fails the start", async () => {
      for (const [part, kind, message] of [
        ["nothing", "not-found", /^cannot access path nothing: no such file or directory$/],
        ["out", "invalid", /^path concatenation escapes the base directory, base: .*, subpath: out$/],
      ] as const)
        await assert.rejects(run("true", [image("/image", part)]), { kind, message });
      assert.equal(await run("cat /f", [image("/f", "dir/g")]), "below ");
      assert.deepEqual(mounts(), []);
    });

    test("is in use: refused, not pruned; by force it goes and its layers stay", async () => {
      const other = await makeImage(host, { files: { f: "other\n" }, names: ["other:1"] });
      const { ID } = await create("cat /image/f", [image("/image", undefined, "other:1")]);
      const { engine } = host;
      const short = [ID.slice(0, 12), other.id.slice(7, 19)];
      await assert.rejects(engine.images.remove("other:1"), {
        kind: "conflict",
        message: `conflict: unable to remove repository reference "other:1" (must force) - container ${short[0]} is using its referenced image ${short[1]}`,
      });
      await assert.rejects(engine.images.remove(other.id), { kind: "conflict" });
      await engine.images.prune({ all: true, only: ({ id }) => id === other.id });
      assert.equal((await engine.store.images.get(other.id))?.id, other.id);
      await engine.images.remove("other:1", { force: true });
      await collectGarbage(engine.store, { grace: 0 });
      await using live = supervisor();
      const ended = live.wait(ID, "next-exit", signal);
      await live.start(ID);
      await ended;
      assert.equal(logOf(ID), "other ");
      const before = (await engine.store.layers.list()).length;
      await live.remove(ID);
      await collectGarbage(engine.store, { grace: 0 });
      assert.equal((await engine.store.layers.list()).length, before - 1);
    });

    test("cp sees it, whether or not the container runs; another container has it too", async () => {
      const { ID } = await create("true", [image("/image"), image("/part", "inside")]);
      const { containers } = host.engine;
      const target = join(outside.path, "copy");
      for (const path of ["/image/dir/f", "/part/f"]) {
        await containers.copyOut(ID, path, target, { signal });
        assert.equal(fs.readFileSync(target, "utf8"), "above\n");
      }
      await assert.rejects(containers.copyIn(target, ID, "/image/dir", { signal }), {
        message: "mounted volume is marked read-only",
      });
      const borrower = await makeContainer(host, base, { hostConfig: { VolumesFrom: [ID] } });
      assert.deepEqual(
        borrower.MountPoints["/part"]?.Spec,
        readRecord(host.root, ID)?.MountPoints["/part"]?.Spec,
      );
      assert.match(borrower.MountPoints["/part"]?.Source ?? "", new RegExp(borrower.ID));
      for (const id of [ID, borrower.ID]) await containers.remove(id);
      assert.deepEqual(mounts(), []);
    });

    test("one without layers is an empty directory, one that is not there none", async () => {
      await makeImage(host, { names: ["empty:1"] });
      assert.equal(await run("ls -A /image; echo end", [image("/image", undefined, "empty:1")]), "end ");
      const missing = create("true", [image("/image", undefined, "nothing:1")]);
      await assert.rejects(missing, { kind: "not-found", message: "No such image: nothing:1" });
    });

    test("what a killed process has left is gone when the container is looked at", async () => {
      const { ID } = await create("true", [image("/image"), image("/part", "dir")]);
      const { store, containers } = host.engine;
      const record = readRecord(host.root, ID) as ContainerRecord;
      await beginRunMounts(store, record, readHostConfig(host.root, ID));
      assert.equal(mounts().length, 2);
      await containers.inspect(ID);
      assert.deepEqual(mounts(), []);
      await containers.remove(ID);
    });
  });
}
