/** `GET /info`, `/version`, `/system/df`. */
import assert from "node:assert/strict";
import { after, before, suite, test } from "node:test";
import { daemonFixture, type DaemonFixture } from "../../../../test/support/daemon_fixture.ts";
import { makeContainer, makeImage } from "../../../../test/support/engine_fixture.ts";

/** Of dockerd 20.10, API 1.41. */
const keys =
  "ID Containers ContainersRunning ContainersPaused ContainersStopped Images Driver DriverStatus Plugins MemoryLimit " +
  "SwapLimit KernelMemory KernelMemoryTCP CpuCfsPeriod CpuCfsQuota CPUShares CPUSet PidsLimit IPv4Forwarding " +
  "BridgeNfIptables BridgeNfIp6tables Debug NFd OomKillDisable NGoroutines SystemTime LoggingDriver CgroupDriver " +
  "CgroupVersion NEventsListener KernelVersion OperatingSystem OSVersion OSType Architecture IndexServerAddress " +
  "RegistryConfig NCPU MemTotal GenericResources DockerRootDir HttpProxy HttpsProxy NoProxy Name Labels " +
  "ExperimentalBuild ServerVersion Runtimes DefaultRuntime Swarm LiveRestoreEnabled Isolation InitBinary " +
  "ContainerdCommit RuncCommit InitCommit SecurityOptions Warnings";

suite("what a daemon says of itself", () => {
  let fixture: DaemonFixture;
  before(async () => {
    fixture = await daemonFixture();
    const image = await makeImage(fixture, { names: ["base:1"], files: { "bin/sh": "x".repeat(1000) } });
    await makeContainer(fixture, image, { name: "made", imageName: "base:1" });
    await fixture.engine.volumes.create({ name: "kept" });
  });
  after(() => fixture[Symbol.asyncDispose]());

  test("B183 info has the fields of dockerd's", async () => {
    const info = (await fixture.ask("/v1.41/info")).json();
    assert.deepEqual(Object.keys(info).sort(), keys.split(" ").sort());
    const { ID, Driver, DockerRootDir, Containers, ContainersStopped, Images } = info;
    assert.deepEqual(
      [ID, Driver, DockerRootDir, Containers, ContainersStopped, Images],
      [fixture.daemon.id, "vfs", fixture.root, 1, 1, 1],
    );
    assert.match(String(ID), /^[\da-f]{8}(-[\da-f]{4}){3}-[\da-f]{12}$/);
    assert.equal("KernelMemory" in (await fixture.ask("/v1.50/info")).json(), false);
  });

  test("B183 info shows the settings in force, also other ones", async () => {
    const { daemon } = fixture;
    daemon.configure({
      debug: true,
      labels: ["tier=test"],
      registryMirrors: ["http://127.0.0.1:7/"],
      insecureRegistries: ["r.example:5000", "10.0.0.0/8"],
      containers: { LogConfig: { Type: "local", Config: {} } },
      initPath: "/nonexistent/init",
      experimental: true,
    });
    const { Debug, Labels, LoggingDriver, RegistryConfig, ...told } = (await fixture.ask("/info")).json();
    assert.deepEqual([told["InitBinary"], told["ExperimentalBuild"]], ["/nonexistent/init", true]);
    assert.equal((await fixture.ask("/version")).json()["Experimental"], true);
    assert.deepEqual([Debug, Labels, LoggingDriver], [true, ["tier=test"], "local"]);
    const other = { Mirrors: [], Secure: false, Official: false };
    assert.deepEqual(RegistryConfig, {
      InsecureRegistryCIDRs: ["127.0.0.0/8", "10.0.0.0/8"],
      IndexConfigs: {
        "docker.io": { Name: "docker.io", Mirrors: ["http://127.0.0.1:7/"], Secure: true, Official: true },
        "r.example:5000": { Name: "r.example:5000", ...other },
      },
      Mirrors: ["http://127.0.0.1:7/"],
    });
  });

  test("B183 clients are told to build without BuildKit where the settings say so", async () => {
    const { daemon } = fixture;
    const builder = async (): Promise<unknown> => (await fixture.ask("/_ping")).headers["builder-version"];
    assert.equal(await builder(), "2");
    daemon.configure({ ...daemon.settings, buildkit: false });
    assert.equal(await builder(), "1");
    daemon.configure({ debug: false, labels: [], containers: {} });
  });

  test("B183 version names the engine first", async () => {
    const { Components, ...about } = (await fixture.ask("/version")).json<{
      Components: { Name: string }[];
    }>();
    assert.equal(Components[0]?.Name, "Engine");
    assert.deepEqual(about, {
      ...about,
      Platform: { Name: "varve" },
      ApiVersion: "1.50",
      MinAPIVersion: "1.24",
      Os: "linux",
    });
  });

  interface Usage {
    readonly LayersSize: number;
    readonly Images:
      { readonly Containers: number; readonly SharedSize: number; readonly Size: number }[] | null;
    readonly Containers: { readonly Names: string[] }[] | null;
    readonly Volumes: { readonly Name: string; readonly UsageData: object }[] | null;
    readonly BuildCache: object[] | null;
    readonly BuilderSize?: number;
  }

  test("B183 system df tells of all kinds, or of those that were asked for", async () => {
    const all = (await fixture.ask("/v1.41/system/df")).json<Usage>();
    assert.deepEqual([all.LayersSize, all.Images?.[0]?.Size, all.BuilderSize], [1000, 1000, 0]);
    assert.deepEqual([all.Images?.[0]?.Containers, all.Images?.[0]?.SharedSize], [1, 0]);
    assert.deepEqual(all.Containers?.[0]?.Names, ["/made"]);
    assert.deepEqual(all.Volumes?.[0]?.UsageData, { RefCount: 0, Size: 0 });
    assert.deepEqual(all.BuildCache, []);
    const some = (await fixture.ask("/v1.42/system/df?type=volume&type=build-cache")).json<Usage>();
    assert.deepEqual([some.Images, some.Containers, some.BuilderSize], [null, null, undefined]);
    assert.deepEqual([some.Volumes?.map(({ Name }) => Name), some.BuildCache], [["kept"], []]);
  });
});
