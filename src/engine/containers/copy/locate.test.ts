import assert from "node:assert/strict";
import { once } from "node:events";
import * as fs from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import {
  engineFixture,
  makeContainer,
  makeImage,
  signal,
  type EngineFixture,
} from "../../../../test/support/engine_fixture.ts";
import { readTar } from "../../../tar/index.ts";
import { scratch } from "../../../../test/suites/scratch.ts";
import type { ContainerRecord } from "../record.ts";

describe("cp and what is mounted in a container", () => {
  let host: EngineFixture;
  let record: ContainerRecord;
  const outside = scratch("outside");
  const listener = createServer();
  before(async () => {
    host = await engineFixture();
    fs.writeFileSync(join(outside.path, "secret"), "of the host\n");
    const image = await makeImage(host, {
      files: { "etc/own": "of the container\n", "data/f": "image\n", "v/x": "" },
    });
    fs.mkdirSync(join(outside.path, "bound"));
    fs.writeFileSync(join(outside.path, "bound/file"), "bound\n");
    await once(listener.listen(join(outside.path, "socket")), "listening");
    record = await makeContainer(host, image, {
      name: "web",
      hostConfig: {
        Binds: [
          "data:/data",
          "inner:/data/inner",
          "locked:/locked:ro",
          `${outside.path}/bound:/b`,
          `${outside.path}/bound/file:/etc/file`,
          `${outside.path}/socket:/etc/socket`,
        ],
        Mounts: [{ Type: "volume", Source: "data", Target: "/part", VolumeOptions: { Subpath: "sub" } }],
      },
    });
    const data = at("data");
    fs.mkdirSync(join(data, "sub"));
    fs.writeFileSync(join(data, "sub/p"), "part\n");
    fs.symlinkSync("/etc/own", join(data, "to-own"));
    fs.symlinkSync(join(outside.path, "secret"), join(data, "absolute"));
    fs.symlinkSync("../".repeat(20) + outside.path, join(data, "climbing"));
    fs.symlinkSync("loop", join(data, "loop"));
    fs.symlinkSync("../data/inner", join(data, "to-inner"));
    fs.writeFileSync(join(at("inner"), "i"), "inner\n");
    fs.mkdirSync(join(data, "inner"));
    fs.writeFileSync(join(data, "inner/hidden"), "");
  });
  after(() => {
    listener.close();
    host[Symbol.dispose]();
    outside[Symbol.dispose]();
  });

  const at = (volume: string): string => join(host.root, "volumes", volume, "_data");

  /** The file that `cp` makes of it. */
  async function copied(path: string, options: object = {}): Promise<string> {
    using target = scratch("target");
    const file = join(target.path, "file");
    await host.engine.containers.copyOut(record.ID, path, file, { signal, ...options });
    return fs.readFileSync(fs.statSync(file).isDirectory() ? join(file, "i") : file, "utf8");
  }

  for (const [path, content] of [
    ["/data/f", "image\n"],
    ["/data/sub/../f", "image\n"],
    ["/data/inner/i", "inner\n"],
    ["/data/to-inner/i", "inner\n"],
    ["/data/inner", "inner\n"],
    ["/data/inner/", "inner\n"],
    ["/data/inner/.", "inner\n"],
    ["/part/p", "part\n"],
    ["/part/../b/file", "bound\n"],
    ["/etc/file", "bound\n"],
    ["/etc/own", "of the container\n"],
  ] as const) {
    test(`out: ${path}`, async () => assert.equal(await copied(path), content));
  }

  test("a symlink of a volume's means what it means in the container", async () => {
    assert.equal(await copied("/data/to-own", { followLink: true }), "of the container\n");
    for (const path of ["/data/absolute", "/data/climbing/secret"]) {
      await assert.rejects(copied(path, { followLink: true }), { kind: "not-found" });
    }
    await assert.rejects(copied("/data/loop/x"), { message: /too many levels of symbolic links$/ });
  });

  test("what is mounted goes by its own name", async () => {
    const { containers } = host.engine;
    for (const [path, name, kind] of [
      ["/data", "data", "directory"],
      ["/data/inner", "inner", "directory"],
      ["/etc/file", "file", "file"],
      ["/part", "part", "directory"],
      ["/part/p", "p", "file"],
    ] as const) {
      const stat = await containers.statPath(record.ID, path);
      assert.deepEqual([stat.name, stat.kind], [name, kind]);
    }
  });

  test("out: a directory with what is mounted below it, in the place of what lies there", async () => {
    const { containers } = host.engine;
    const names = async (path: string): Promise<string[]> => {
      const { tar } = await containers.readArchive(record.ID, path, { signal });
      const paths: string[] = [];
      for await (const { entry } of readTar(tar)) paths.push(entry.path);
      return paths.sort();
    };
    assert.deepEqual(
      (await names("/data")).filter((path) => path.includes("inner")),
      ["data/inner/", "data/inner/i", "data/to-inner"],
    );
    const ofRoot = await names("/.");
    for (const path of ["./b/file", "./data/inner/i", "./data/f", "./etc/file", "./part/p"])
      assert.deepEqual(
        ofRoot.filter((each) => each === path),
        [path],
      );
    for (const path of ["./data/inner/hidden", "./etc/socket"]) assert.equal(ofRoot.includes(path), false);
  });

  test("in: what goes below a directory goes into what is mounted there", async () => {
    const { containers } = host.engine;
    using source = scratch("nested");
    fs.mkdirSync(join(source.path, "tree/inner/deep"), { recursive: true });
    fs.writeFileSync(join(source.path, "tree/inner/deep/x"), "nested\n");
    fs.writeFileSync(join(source.path, "tree/top"), "top\n");
    await containers.copyIn(`${source.path}/tree/.`, record.ID, "/data", { signal });
    assert.equal(fs.readFileSync(join(at("inner"), "deep/x"), "utf8"), "nested\n");
    assert.equal(fs.readFileSync(join(at("data"), "top"), "utf8"), "top\n");
    assert.deepEqual(fs.readdirSync(join(at("data"), "inner")), ["hidden"]);
    fs.mkdirSync(join(source.path, "root/locked"), { recursive: true });
    await assert.rejects(containers.copyIn(`${source.path}/root/.`, record.ID, "/", { signal }), {
      message: "lchown /locked: read-only file system",
    });
    fs.rmSync(join(at("inner"), "deep"), { recursive: true });
  });

  test("in: into the volume, and not what is read-only", async () => {
    const { containers } = host.engine;
    const source = join(outside.path, "secret");
    await containers.copyIn(source, record.ID, "/data/inner/new", { signal });
    await containers.copyIn(source, record.ID, "/b", { signal });
    assert.equal(fs.readFileSync(join(at("inner"), "new"), "utf8"), "of the host\n");
    assert.deepEqual(fs.readdirSync(join(outside.path, "bound")), ["file", "secret"]);
    await assert.rejects(containers.copyIn(source, record.ID, "/locked", { signal }), {
      kind: "invalid",
      message: "mounted volume is marked read-only",
    });
    await assert.rejects(containers.copyIn(outside.path, record.ID, "/data/f", { signal }), {
      message: "cannot copy directory",
    });
  });
});
