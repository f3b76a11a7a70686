/** Volumes of a daemon by the unmodified docker command, and on one root with dockerd. */
import assert from "node:assert/strict";
import * as fs from "node:fs";
import { join } from "node:path";
import { suite, test } from "node:test";
import { openEngine } from "../../src/engine/index.ts";
import { treeTar } from "../../src/layer/index.ts";
import { ContainerFixture } from "../../src/runtime/container_fixture.ts";
import { startDockerd } from "../suites/dockerd.ts";
import { scratch } from "../suites/scratch.ts";
import { daemonFixture } from "../support/daemon_fixture.ts";
import { named, once, signal } from "../support/engine_fixture.ts";
import { besideDockerdSkip, json, program, runSkip, unless } from "./support.ts";

/** A root filesystem of busybox with something where the image's volume is. */
async function baseTar(): Promise<Buffer> {
  using base = await ContainerFixture.create();
  fs.mkdirSync(join(base.rootfs, "data"));
  fs.writeFileSync(join(base.rootfs, "data/f"), "from the image\n");
  fs.chownSync(join(base.rootfs, "data"), 5, 6);
  const chunks: Uint8Array[] = [];
  for await (const chunk of treeTar(base.rootfs, { signal })) chunks.push(chunk);
  return Buffer.concat(chunks);
}

suite("B181 volumes by the docker command", { skip: runSkip || unless("docker") }, () => {
  test("B181 a round trip", async () => {
    await using host = await daemonFixture("overlay2");
    const docker = program("docker", "-H", `unix://${host.socket}`);
    const tar = once(await baseTar());
    await host.engine.images.import(tar, {
      signal,
      name: named("base:1"),
      change: (config) => ({ ...config, Volumes: { "/data": {} } }),
    });
    const sh = (flags: readonly string[], script: string): Promise<string> =>
      docker("run", "--network", "none", ...flags, "base:1", "sh", "-c", script);

    assert.equal(await docker("volume", "create", "--label", "a=b", "shared"), "shared");
    assert.equal(
      await sh(["--rm", "-v", "shared:/data"], "cat /data/f; echo more >> /data/f"),
      "from the image",
    );
    assert.equal(
      await sh(
        ["--name", "web", "-v", "shared:/s:ro", "-v", "/cache"],
        "cat /s/f; touch /s/g || echo refused",
      ),
      "from the image\nmore\nrefused",
    );
    const [volume] = json(await docker("volume", "inspect", "shared"));
    assert.deepEqual([volume?.["Labels"], volume?.["Options"]], [{ a: "b" }, null]);
    const inUse = await docker.run(["volume", "rm", "shared"]);
    assert.match(inUse.stderr, /remove shared: volume is in use - \[[0-9a-f]{64}\]/);
    assert.equal(await docker("volume", "ls", "-q", "-f", "dangling=true"), "");
    const names = (await docker("volume", "ls", "-q")).split("\n");
    assert.deepEqual([names.length, names.includes("shared")], [3, true]);
    assert.equal(
      await sh(
        ["--rm", "--mount", "type=tmpfs,dst=/t,tmpfs-size=1m", "--volumes-from", "web"],
        "ls -A /t /cache",
      ),
      "/cache:\n\n/t:",
    );
    await docker("rm", "-v", "web");
    assert.equal(await docker("volume", "ls", "-q"), "shared");
    assert.match(await docker("volume", "prune", "-f"), /Total reclaimed space: 0B/);
    assert.match(
      await docker("volume", "prune", "-fa"),
      /^Deleted Volumes:\nshared\n\nTotal reclaimed space: 20B$/,
    );
    assert.deepEqual(host.warnings, []);
  });
});

suite("B181 volumes of dockerd and of varve on one root", { skip: besideDockerdSkip }, () => {
  test("each sees the other's", async () => {
    using directory = scratch("volumes");
    const root = join(directory.path, "root");
    await ours(root);
    {
      await using dockerd = await startDockerd(directory.path, "overlay2");
      const { docker } = dockerd;
      assert.equal(docker("volume", "ls", "-q"), "memory\nours");
      const [made] = json<{ Mounts: { Destination: string }[] }[]>(docker("inspect", "web"));
      assert.deepEqual(
        made?.Mounts.sort((a, b) => (a.Destination < b.Destination ? -1 : 1)),
        [
          mount("memory", "/m", { Driver: "local", Mode: "z" }),
          mount("ours", "/o", { Driver: "local", Mode: "ro", RW: false }),
        ].map((each) => ({ ...each, Source: join(root, "volumes", each.Name, "_data") })),
      );
      // What is mounted there it has from `opts.json`.
      assert.equal(docker("start", "-a", "web"), "of varve\n1024");
      docker("volume", "create", "--label", "by=dockerd", "theirs");
      docker("volume", "create", "-o", "type=tmpfs", "-o", "device=tmpfs", "theirs-too");
      docker(
        "run",
        "--network",
        "none",
        "-v",
        "theirs:/v",
        "--name",
        "other",
        "base:1",
        "sh",
        "-c",
        "echo x > /v/f",
      );
    }
    const { volumes, containers } = await openEngine({ root });
    assert.deepEqual(
      (await volumes.list()).map(({ Name, Labels, Options }) => [Name, Labels, Options]),
      [
        ["memory", null, { device: "tmpfs", o: "size=1m", type: "tmpfs" }],
        ["ours", { by: "varve" }, null],
        ["theirs", { by: "dockerd" }, null],
        ["theirs-too", null, { device: "tmpfs", type: "tmpfs" }],
      ],
    );
    assert.equal(fs.readFileSync(join((await volumes.inspect("theirs")).Mountpoint, "f"), "utf8"), "x\n");
    await assert.rejects(volumes.remove("theirs"), { kind: "conflict" });
    await containers.remove("other");
    await volumes.remove("theirs");
  });
});

/** Two volumes and a container that has them. */
async function ours(root: string): Promise<void> {
  const { images, volumes, containers } = await openEngine({ root, driver: "overlay2" });
  const image = await images.import(once(await baseTar()), { signal, name: named("base:1") });
  const { Mountpoint } = await volumes.create({ name: "ours", labels: { by: "varve" } });
  fs.writeFileSync(join(Mountpoint, "f"), "of varve\n");
  const options = { type: "tmpfs", device: "tmpfs", o: "size=1m" };
  await volumes.create({ name: "memory", options });
  const script = "cat /o/f; df -k /m | tail -n 1 | while read a b c; do echo $b; done";
  await containers.create({
    imageName: "base:1",
    image,
    name: "web",
    config: { Cmd: ["sh", "-c", script] },
    hostConfig: { NetworkMode: "none", Binds: ["ours:/o:ro", "memory:/m"] },
  });
}

function mount(Name: string, Destination: string, more: object) {
  return { Type: "volume", Name, Source: "", Destination, RW: true, Propagation: "", ...more };
}
