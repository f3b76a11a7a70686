/** What containers that run see of volumes, and what is left when they have ended. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import * as fs from "node:fs";
import { join } from "node:path";
import { PassThrough } from "node:stream";
import { after, before, suite, test } from "node:test";
import {
  engineFixture,
  makeContainer,
  named,
  signal,
  type EngineFixture,
  type MadeContainer,
} from "../../../test/support/engine_fixture.ts";
import { overlaySkip } from "../../../test/suites/overlay_skip.ts";
import { scratch } from "../../../test/suites/scratch.ts";
import { fromText } from "../../byte_string.ts";
import { treeTar } from "../../layer/index.ts";
import { cannotRun, Collector, ContainerFixture } from "../../runtime/container_fixture.ts";
import type { StoredImage } from "../../store/index.ts";
import * as sys from "../../sys/index.ts";
import { readHostConfig, readRecord, writeRecord, type ContainerRecord } from "../containers/record.ts";
import { LiveContainers } from "../live/live_containers.ts";
import { beginRunMounts } from "./run_mounts.ts";

const skip = cannotRun || overlaySkip;

interface Machine extends EngineFixture {
  readonly image: StoredImage;
  create(script: string, parts?: MadeContainer): Promise<ContainerRecord>;
  /** Runs it to its end. @returns what it printed */
  start(id: string): Promise<string>;
  run(script: string, hostConfig?: MadeContainer["hostConfig"]): Promise<string>;
  data(volume: string, ...path: string[]): string;
  /** What is mounted below the folder, without the images' own. */
  mounts(folder: string): string[];
}

/** Where the image's hostile links lead, were they followed on the host. */
const outside = scratch("outside");

function dressImage(rootfs: string): void {
  const data = join(rootfs, "data");
  fs.mkdirSync(join(data, "sub"), { recursive: true });
  fs.writeFileSync(join(data, "f"), "from the image\n");
  fs.linkSync(join(data, "f"), join(data, "g"));
  fs.symlinkSync("f", join(data, "l"));
  fs.chownSync(join(data, "f"), 7, 8);
  fs.utimesSync(join(data, "f"), 1_000_000_000, 1_000_000_000);
  const fd = sys.openAt(sys.AT_FDCWD, fromText(join(data, "f")), sys.O_RDONLY);
  sys.setXattr(fd, "user.volume", Buffer.from("kept"));
  sys.close(fd);
  fs.chownSync(data, 5, 6);
  fs.chmodSync(data, 0o1770);
  fs.writeFileSync(join(outside.path, "secret"), "of the host\n");
  fs.symlinkSync(outside.path, join(rootfs, "absolute"));
  fs.symlinkSync(`${"../".repeat(20)}${outside.path}`, join(rootfs, "climbing"));
  fs.symlinkSync("/data", join(rootfs, "inside"));
}

async function machine(): Promise<Machine> {
  using base = await ContainerFixture.create();
  dressImage(base.rootfs);
  const fixture = await engineFixture("overlay2");
  const { engine, root } = fixture;
  const tar = treeTar(base.rootfs, { signal });
  const image = await engine.images.import(tar, { signal, name: named("base:1") });
  const create: Machine["create"] = (script, parts = {}) =>
    makeContainer(fixture, image, { ...parts, config: { Cmd: ["sh", "-c", script], ...parts.config } });
  const start: Machine["start"] = async (id) => {
    const [out, complaints] = [new Collector(), new Collector()];
    await engine.containers.start(id, {
      stdin: new PassThrough(),
      stdout: out,
      stderr: complaints,
      interactive: false,
      proxySignals: false,
      signal,
    });
    return out.text;
  };
  return {
    ...fixture,
    image,
    create,
    start,
    run: async (script, hostConfig = {}) => start((await create(script, { hostConfig })).ID),
    data: (volume, ...path) => join(root, "volumes", volume, "_data", ...path),
    mounts: (folder) =>
      sys
        .mountInfo()
        .map(({ mountPoint }) => mountPoint as string)
        .filter((path) => path.startsWith(join(root, folder))),
    [Symbol.dispose]: () => fixture[Symbol.dispose](),
  };
}

suite("B181 volumes of containers that run", { skip }, () => {
  let host: Machine;
  before(async () => void (host = await machine()));
  after(() => {
    host[Symbol.dispose]();
    outside[Symbol.dispose]();
  });

  test("B181 two containers share one, and its content outlives both", async () => {
    const Binds = ["shared:/here"];
    const reader = await host.create("cat /there/f; echo twice >> /there/f", {
      hostConfig: { Binds: ["shared:/there"] },
    });
    await host.run("echo once > /here/f", { Binds });
    assert.equal(await host.start(reader.ID), "once\n");
    await host.engine.containers.remove(reader.ID, { volumes: true });
    assert.equal(fs.readFileSync(host.data("shared", "f"), "utf8"), "once\ntwice\n");
    assert.equal(await host.run("cat /here/f", { Binds: ["shared:/here:ro"] }), "once\ntwice\n");
  });

  test("a new one has the image's content, with all attributes", async () => {
    await host.create("true", { hostConfig: { Binds: ["filled:/data"] } });
    const top = fs.statSync(host.data("filled"));
    assert.deepEqual([top.uid, top.gid, (top.mode & 0o7777).toString(8)], [5, 6, "1770"]);
    const [f, g] = ["f", "g"].map((name) => fs.statSync(host.data("filled", name)));
    assert.deepEqual(
      [f?.uid, f?.gid, f?.mtimeMs, f?.ino === g?.ino, fs.readlinkSync(host.data("filled", "l"))],
      [7, 8, 1_000_000_000_000, true, "f"],
    );
    const fd = sys.openAt(sys.AT_FDCWD, fromText(host.data("filled", "f")), sys.O_RDONLY);
    assert.equal(Buffer.from(sys.getXattr(fd, "user.volume") ?? []).toString(), "kept");
    sys.close(fd);
  });

  test("one with content is left as it is; so is an empty one that asks for nothing", async () => {
    await host.engine.volumes.create({ name: "mine" });
    fs.writeFileSync(host.data("mine", "own"), "");
    const Binds = ["mine:/data", "bare:/inside:nocopy"];
    assert.equal(await host.run("ls /data; ls -A /inside", { Binds: [Binds[0] as string] }), "own\nown\n");
    const Mounts = [{ Type: "volume", Source: "bare", Target: "/data", VolumeOptions: { NoCopy: true } }];
    assert.equal(await host.run("ls -A /data", { Mounts }), "");
  });

  test("what was not finished when it was made is done at the start, once", async () => {
    const { ID } = await host.create("ls /data", { hostConfig: { Binds: ["late:/data"] } });
    const record = readRecord(host.root, ID) as ContainerRecord;
    assert.equal(record.VolumesToFill, undefined);
    fs.rmSync(host.data("late"), { recursive: true });
    fs.mkdirSync(host.data("late"));
    fs.mkdirSync(join(host.data("late"), "../_data.new"));
    await writeRecord(host.root, { ...record, VolumesToFill: ["/data"] });
    assert.equal(await host.start(ID), "f\ng\nl\nsub\n");
    assert.equal(readRecord(host.root, ID)?.VolumesToFill, undefined);
    fs.rmSync(host.data("late", "f"));
    assert.equal(await host.start(ID), "g\nl\nsub\n");
  });

  test("an image's symlinks lead nowhere outside of it", async () => {
    const Binds = ["absolute-v:/absolute", "climbing-v:/climbing/more"];
    const { ID } = await host.create("echo x > /absolute/f; echo x > /climbing/more/f", {
      hostConfig: { Binds },
    });
    const contents = (): string[][] =>
      ["absolute-v", "climbing-v"].map((name) => fs.readdirSync(host.data(name)));
    assert.deepEqual(contents(), [[], []]);
    await host.start(ID);
    assert.deepEqual(contents(), [["f", "more"], ["f"]]);
    assert.deepEqual(fs.readdirSync(outside.path), ["secret"]);
  });

  test("a symlink inside of the image leads to what it means there", async () => {
    const printed = await host.run("ls /data", { Binds: ["linked:/inside"] });
    assert.equal(printed, "f\ng\nl\nsub\n");
    assert.equal(fs.existsSync(host.data("linked", "f")), true);
  });

  test("read-only, tmpfs, and one within another", async () => {
    const Mounts = [
      { Type: "tmpfs", Target: "/t", TmpfsOptions: { SizeBytes: 1 << 20, Mode: 0o700 } },
      { Type: "volume", Source: "inner", Target: "/outer/inner" },
      { Type: "bind", Source: outside.path, Target: "/host", ReadOnly: true },
    ];
    const script = `
      echo x > /outer/f; echo y > /outer/inner/f; echo z > /host/f || echo refused
      stat -c %a /t; df -k /t | tail -n 1 | while read a b c; do echo $b; done; cat /host/secret`;
    const printed = await host.run(script, { Binds: ["outer:/outer"], Mounts });
    assert.equal(printed, "refused\n700\n1024\nof the host\n");
    assert.equal(fs.readFileSync(host.data("inner", "f"), "utf8"), "y\n");
    assert.deepEqual(fs.readdirSync(host.data("outer")), ["f", "inner"]);
    assert.equal(fs.readdirSync(host.data("outer", "inner")).length, 0);
  });

  test("--volumes-from, read-only on demand", async () => {
    const { ID } = await host.create("echo one > /v/f", { hostConfig: { Binds: ["lent:/v"] } });
    await host.start(ID);
    assert.equal(await host.run("cat /v/f; echo two >> /v/f", { VolumesFrom: [ID] }), "one\n");
    const script = "cat /v/f; echo three >> /v/f || echo refused";
    assert.equal(await host.run(script, { VolumesFrom: [`${ID}:ro`] }), "one\ntwo\nrefused\n");
  });

  test("--rm takes those without a name along", async () => {
    const config = { Volumes: { "/nameless": {} } };
    const hostConfig = { AutoRemove: true, Binds: ["staying:/v"] };
    const { ID, MountPoints } = await host.create("echo x > /nameless/f", { config, hostConfig });
    const name = MountPoints["/nameless"]?.Name ?? "";
    assert.equal(fs.existsSync(host.data(name)), true);
    await host.start(ID);
    assert.equal(fs.existsSync(host.data(name)), false);
    assert.equal(fs.existsSync(host.data("staying")), true);
  });

  test("a part of one, which stays inside of it", async () => {
    await host.engine.volumes.create({ name: "parts" });
    fs.mkdirSync(host.data("parts", "a/b"), { recursive: true });
    fs.writeFileSync(host.data("parts", "a/b/f"), "part\n");
    fs.symlinkSync("a/b", host.data("parts", "link"));
    fs.symlinkSync(outside.path, host.data("parts", "out"));
    fs.symlinkSync("../..", host.data("parts", "a/up"));
    const mount = (Subpath: string) => ({
      Mounts: [{ Type: "volume", Source: "parts", Target: "/p", VolumeOptions: { Subpath } }],
    });
    assert.equal(await host.run("cat /p/f; echo x > /p/g", mount("a/b")), "part\n");
    assert.equal(await host.run("cat /p/f /p/g", mount("link")), "part\nx\n");
    assert.equal(await host.run("cat /p", mount("a/b/f")), "part\n");
    const nowhere = "cannot access path none: no such file or directory";
    await assert.rejects(host.run("ls /p", mount("none")), { kind: "not-found", message: nowhere });
    for (const way of ["out", "a/up"]) {
      const message = `path concatenation escapes the base directory, base: ${host.data("parts")}, subpath: ${way}`;
      await assert.rejects(host.run("ls /p", mount(way)), { kind: "invalid", message });
    }
    assert.deepEqual(host.mounts("varve/run-mounts"), []);
    assert.deepEqual(fs.readdirSync(join(host.root, "varve/run-mounts")), []);
  });

  test("an empty part of one has the image's content; one with content, or that is a file, stays as it is", async () => {
    await host.engine.volumes.create({ name: "portions" });
    for (const part of ["empty", "held"]) fs.mkdirSync(host.data("portions", part));
    for (const file of ["held/own", "file"]) fs.writeFileSync(host.data("portions", file), "own\n");
    fs.symlinkSync("..", host.data("portions", "up"));
    const mount = (Subpath: string, Target = "/data") => ({
      hostConfig: { Mounts: [{ Type: "volume", Source: "portions", Target, VolumeOptions: { Subpath } }] },
    });
    const { ID } = await host.create("cat /data/g", mount("empty"));
    const { uid, gid, mode } = fs.statSync(host.data("portions", "empty"));
    assert.deepEqual([uid, gid, mode & 0o7777], [5, 6, 0o1770]);
    assert.equal(await host.start(ID), "from the image\n");
    await host.create("x", mount("held"));
    assert.deepEqual(fs.readdirSync(host.data("portions", "held")), ["own"]);
    for (const target of ["/data", "/data/f"]) await host.create("x", mount("file", target));
    assert.equal(fs.readFileSync(host.data("portions", "file"), "utf8"), "own\n");
    await host.create("x", mount("none"));
    await assert.rejects(host.create("x", mount("up")), { kind: "invalid", message: /^path concatenation/ });
    assert.deepEqual(fs.readdirSync(host.data("portions")), ["empty", "file", "held", "up"]);
  });

  test("what options name is mounted while anybody uses it", async () => {
    const options = { type: "tmpfs", device: "tmpfs", o: "size=2m" };
    await host.engine.volumes.create({ name: "memory", options });
    const hostConfig = { Binds: ["memory:/m"] };
    const waiting = "echo kept > /m/f; while [ ! -f /m/end ]; do sleep 0.02; done";
    const { ID } = await host.create(waiting, { hostConfig });
    const live = new LiveContainers({ store: host.engine.store });
    await live.start(ID);
    assert.equal(await host.run("while [ ! -f /m/f ]; do sleep 0.02; done; cat /m/f", hostConfig), "kept\n");
    assert.equal(host.mounts("volumes").length, 1);
    // Its supervisor goes and another comes.
    await live[Symbol.asyncDispose]();
    await using next = new LiveContainers({ store: host.engine.store });
    await next.restore();
    assert.equal(host.mounts("volumes").length, 1);
    const ended = next.wait(ID, "next-exit", signal);
    fs.writeFileSync(host.data("memory", "end"), "");
    await ended;
    await next.remove(ID, { force: true });
    assert.deepEqual(host.mounts("volumes"), []);
    assert.deepEqual(fs.readdirSync(join(host.root, "varve/volumes")), []);
    assert.deepEqual(fs.readdirSync(host.data("memory")), []);
  });

  test("what a killed process has left is gone when the container is looked at", async () => {
    const options = { type: "tmpfs", device: "tmpfs" };
    await host.engine.volumes.create({ name: "left", options });
    await host.engine.volumes.create({ name: "left-parts" });
    fs.mkdirSync(host.data("left-parts", "a"));
    const part = { Type: "volume", Source: "left-parts", Target: "/p", VolumeOptions: { Subpath: "a" } };
    const record = await host.create("true", { hostConfig: { Binds: ["left:/l"], Mounts: [part] } });
    const { store } = host.engine;
    await beginRunMounts(store, record, readHostConfig(host.root, record.ID));
    assert.deepEqual([host.mounts("volumes").length, host.mounts("varve/run-mounts").length], [1, 1]);
    await host.engine.containers.inspect(record.ID);
    assert.deepEqual([host.mounts("volumes"), host.mounts("varve/run-mounts")], [[], []]);
    assert.deepEqual(fs.readdirSync(join(host.root, "varve/run-mounts")), []);
    assert.deepEqual(fs.readdirSync(host.data("left-parts")), ["a"]);
  });

  test("what cannot be mounted fails the start, and nothing is left", async () => {
    const options = { type: "none", device: "/no such directory", o: "bind" };
    await host.engine.volumes.create({ name: "broken", options });
    await assert.rejects(host.run("true", { Binds: ["broken:/b:nocopy"] }), {
      message: /^failed to mount local volume: .*\/no such directory/,
    });
    assert.deepEqual(fs.readdirSync(join(host.root, "varve/volumes")), []);
  });

  test("one that has been taken away fails the start", async () => {
    const { ID } = await host.create("true", { hostConfig: { Binds: ["gone:/g"] } });
    fs.rmSync(join(host.root, "volumes/gone"), { recursive: true });
    await assert.rejects(host.start(ID), { kind: "not-found", message: "get gone: no such volume" });
  });

  test("events of a run", async () => {
    const events: string[] = [];
    await using live = new LiveContainers({ store: host.engine.store });
    const { ID } = await host.create("true", { hostConfig: { Binds: ["told:/t:ro"] } });
    using listening = live.events.listen(({ Type, Action, Actor }) => {
      if (Type === "volume") events.push(`${Action} ${Actor.ID} ${JSON.stringify(Actor.Attributes)}`);
    });
    assert.notEqual(listening, undefined);
    const ended = live.wait(ID, "next-exit", signal);
    await live.start(ID);
    await ended;
    const container = JSON.stringify(ID);
    assert.deepEqual(events, [
      `mount told {"driver":"local","container":${container},"destination":"/t","read/write":"false","propagation":""}`,
      `unmount told {"driver":"local","container":${container}}`,
    ]);
  });

  test("nothing is left mounted", () => {
    assert.deepEqual(host.mounts("volumes"), []);
    assert.deepEqual(host.mounts("varve/run-mounts"), []);
    assert.equal(execFileSync("mount", ["-t", "tmpfs"], { encoding: "utf8" }).includes(host.root), false);
  });
});
