/**
 * A daemon that is killed while it answers a request for a network, a volume or an image, at each step with VARVE_LIVE=all:
 * the next one tells of it as it is, can be asked for it again, and leaves nothing when all is removed.
 */
import assert from "node:assert/strict";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { CrashScene, noStep, type Deed } from "../../test/support/crash_scene.ts";
import { crashSuite, type Crash } from "../../test/support/crash_suite.ts";
import { signal } from "../../test/support/engine_fixture.ts";
import { cannotConnect } from "../../test/support/networked_daemon.ts";
import { tarFile, tarOf } from "../../test/support/tar_help.ts";
import { hostileImage } from "../../test/fixtures/hostile/hostile_image.ts";
import { hostileRegistry } from "../../test/fixtures/hostile/hostile_registry.ts";
import { testMachine } from "../../test/suites/network_fixture.ts";

const ask = (method: string, path: string, body?: object): Deed => ({
  asked: { method, path: `/v1.41${path}`, ...(body !== undefined && { body }) },
});

const networks: Record<string, Crash> = {
  "network create": {
    deed: ask("POST", "/networks/create", { Name: "made", Internal: true, Labels: { a: "b" } }),
    some: [7],
    expect: async (scene, deed) => {
      if (!(await hasNetwork(scene))) await scene.killedAt(noStep, deed);
      await run(scene, "made");
      await isConnected(scene, ["made"]);
      const { engine } = await scene.daemon();
      const { Id, Internal, Labels } = await engine.networks.inspect("made");
      assert.deepEqual([Internal, Labels], [true, { a: "b" }]);
      const forwarding = `/proc/sys/net/ipv4/conf/br-${Id.slice(0, 12)}/forwarding`;
      assert.equal(readFileSync(forwarding, "latin1").trim(), "0");
    },
  },
  "network connect": {
    first: async (scene) => {
      await makeNetworks(scene, "one", "made");
      await run(scene, "one");
    },
    deed: async (scene) => ask("POST", "/networks/made/connect", { Container: await idOf(scene) }),
    some: [8],
    expect: async (scene, deed) => {
      if (!(await networksOf(scene)).includes("made")) {
        await isConnected(scene, ["one"]);
        await scene.killedAt(noStep, deed);
      }
      await isConnected(scene, ["made", "one"]);
    },
  },
  "network disconnect": {
    first: async (scene) => {
      await makeNetworks(scene, "one", "made");
      await run(scene, "one");
      await (await scene.daemon()).engine.networks.connect("made", await idOf(scene));
    },
    deed: async (scene) => ask("POST", "/networks/made/disconnect", { Container: await idOf(scene) }),
    expect: async (scene, deed) => {
      if ((await networksOf(scene)).includes("made")) {
        await isConnected(scene, ["made", "one"]);
        await scene.killedAt(noStep, deed);
      }
      await isConnected(scene, ["one"]);
    },
  },
  "network remove": {
    first: async (scene) => {
      await makeNetworks(scene, "made");
      await run(scene, "made");
      await (await scene.daemon()).live.remove(await idOf(scene), { force: true });
    },
    deed: ask("DELETE", "/networks/made"),
    expect: async (scene, deed) => {
      if (await hasNetwork(scene)) await scene.killedAt(noStep, deed);
      assert.equal(await hasNetwork(scene), false);
    },
  },
  "a build": {
    deed: async (scene) => ({
      asked: { method: "POST", path: "/build?t=made:1", file: contextIn(scene) },
    }),
    expect: async (scene, deed) => {
      await scene.daemon();
      await scene.isQuiet();
      await isWhole(scene);
      if (!(await hasImage(scene, "made:1"))) await scene.killedAt(noStep, deed);
      assert.ok(await hasImage(scene, "made:1"));
    },
  },
};

/** Given what is mounted on it, so that no part of it may be lost. */
const made = { Name: "made", Labels: { a: "b" }, DriverOpts: { type: "tmpfs", device: "tmpfs" } };

const volumes: Record<string, Crash> = {
  "volume create": {
    deed: ask("POST", "/volumes/create", made),
    expect: async (scene, deed) => {
      await volumesAreWhole(scene);
      await scene.killedAt(noStep, deed);
      assert.deepEqual(await volumesAreWhole(scene), ["made"]);
    },
  },
  "volume remove": {
    first: makeVolumes,
    deed: ask("DELETE", "/volumes/plain"),
    some: [5, 7],
    expect: async (scene, deed) => {
      if ((await volumesAreWhole(scene)).includes("plain")) await scene.killedAt(noStep, deed);
      assert.deepEqual(await volumesAreWhole(scene), ["made", "other"]);
    },
  },
  "volume remove, of one with options": {
    first: makeVolumes,
    deed: ask("DELETE", "/volumes/made"),
    expect: async (scene, deed) => {
      if ((await volumesAreWhole(scene)).includes("made")) await scene.killedAt(noStep, deed);
      assert.deepEqual(await volumesAreWhole(scene), ["other", "plain"]);
    },
  },
  "volume prune": {
    first: makeVolumes,
    deed: ask("POST", "/volumes/prune"),
    expect: async (scene, deed) => {
      await volumesAreWhole(scene);
      await scene.killedAt(noStep, deed);
      assert.deepEqual(await volumesAreWhole(scene), ["made"]);
    },
  },
};

const pulled = hostileImage(
  ["one", "two"].map((path) => ({ tar: tarOf([tarFile({ path }, Buffer.alloc(5000, path))]) })),
);
let source = "";

const images: Record<string, Crash> = {
  "image pull": {
    deed: async () => ask("POST", `/images/create?fromImage=${source}`),
    expect: isThereOrNot,
  },
  "image load": {
    deed: async (scene) => ({ asked: { method: "POST", path: "/images/load", file: scene.path("archive") } }),
    expect: isThereOrNot,
  },
  "image tag": {
    deed: async () => ask("POST", `/images/base:1/tag?repo=${source.replace(/:1$/, "")}&tag=1`),
    expect: isThereOrNot,
  },
  rmi: {
    first: async (scene) => void (await (await scene.daemon()).engine.images.pull(source, { signal })),
    deed: async () => ask("DELETE", `/images/${source}`),
    expect: async (scene, deed) => {
      await scene.isQuiet();
      await isWhole(scene);
      if (await hasImage(scene, source)) await scene.killedAt(noStep, deed);
      assert.equal(await hasImage(scene, source), false);
    },
  },
};

crashSuite(
  "a daemon that is killed while it answers",
  cannotConnect,
  { ...networks, ...volumes, ...images },
  async () => {
    const scene = await CrashScene.make(await testMachine());
    const registry = scene.undo.use(await hostileRegistry());
    source = await registry.publish("made", pulled);
    const { engine } = await scene.daemon();
    await engine.images.pull(source, { signal });
    const archive = await engine.images.save([source], { signal });
    writeFileSync(scene.path("archive"), Buffer.concat(await Array.fromAsync(archive)));
    await scene.tidy();
    return scene;
  },
);

async function hasNetwork(scene: CrashScene): Promise<boolean> {
  const all = await (await scene.daemon()).engine.networks.list();
  return all.some(({ Name }) => Name === "made");
}

async function makeNetworks(scene: CrashScene, ...names: readonly string[]): Promise<void> {
  const { engine } = await scene.daemon();
  for (const name of names) await engine.networks.create({ name });
}

/** A container in the network, which another daemon has started. */
async function run(scene: CrashScene, network: string): Promise<void> {
  await scene.killedAt(noStep, { act: "run", parts: { hostConfig: { NetworkMode: network } } });
}

async function idOf(scene: CrashScene): Promise<string> {
  return (await scene.record())?.ID ?? "";
}

interface Place {
  readonly EndpointID: string;
  readonly IPAddress: string;
}

async function placesOf(scene: CrashScene): Promise<Readonly<Record<string, Place>>> {
  return (await scene.record())?.NetworkSettings["Networks"] as Record<string, Place>;
}

async function networksOf(scene: CrashScene): Promise<string[]> {
  return Object.keys(await placesOf(scene)).sort();
}

/** By its record, by each network, by its interfaces and by its /etc/hosts. */
async function isConnected(scene: CrashScene, expected: readonly string[]): Promise<void> {
  const { engine } = await scene.daemon();
  assert.ok(await scene.isRunning());
  const record = await scene.record();
  const places = await placesOf(scene);
  assert.deepEqual(Object.keys(places).sort(), expected);
  const addresses = Object.values(places).map(({ IPAddress }) => IPAddress);
  const members: string[] = [];
  for (const { Name } of await engine.networks.list()) {
    const { Containers } = await engine.networks.inspect(Name);
    const member = Containers?.[record?.ID ?? ""];
    if (member !== undefined)
      members.push(`${Name} ${member.EndpointID} ${member.IPv4Address.split("/")[0]}`);
  }
  const said = Object.entries(places).map(([name, at]) => `${name} ${at.EndpointID} ${at.IPAddress}`);
  assert.deepEqual(members.sort(), said.sort());
  const namespace = record?.NetworkSettings["SandboxKey"] as string;
  const inside = (await scene.machine?.inside(namespace, "ip", "-o", "-4", "addr")) ?? "";
  const own = [...inside.matchAll(/inet ([\d.]+)/g)].map(([, address]) => address as string);
  assert.deepEqual(own.filter((address) => address !== "127.0.0.1").sort(), addresses.toSorted());
  const hosts = readFileSync(record?.HostsPath ?? "", "utf8");
  const entries = [...hosts.matchAll(/^(\d+\.\d+\.\d+\.\d+)\s/gm)].map(([, address]) => address as string);
  assert.deepEqual(entries.filter((address) => address !== "127.0.0.1").sort(), addresses.toSorted());
}

function contextIn(scene: CrashScene): string {
  const path = scene.path("context");
  const text = "FROM base:1\nCOPY file /file\nRUN cp /file /copy\n";
  const files = [tarFile({ path: "Dockerfile" }, text), tarFile({ path: "file" }, "content")];
  if (!existsSync(path)) writeFileSync(path, tarOf(files));
  return path;
}

/** What the driver mounts may be lost in no part. */
async function makeVolumes(scene: CrashScene): Promise<void> {
  const { volumes: all } = (await scene.daemon()).engine;
  await all.create({ name: "made", labels: made.Labels, options: made.DriverOpts });
  for (const name of ["plain", "other"]) {
    const { Mountpoint } = await all.create({ name, labels: made.Labels });
    for (const file of ["one", "two"]) writeFileSync(join(Mountpoint, file), "");
  }
}

/** @returns names of all there are */
async function volumesAreWhole(scene: CrashScene): Promise<string[]> {
  await scene.isQuiet();
  const all = await (await scene.daemon()).engine.volumes.list();
  for (const { Name, Labels, Options, Mountpoint } of all) {
    assert.deepEqual([Name, Labels, Options], [Name, made.Labels, Name === "made" ? made.DriverOpts : null]);
    for (const file of Name === "made" ? [] : ["one", "two"])
      assert.ok(existsSync(join(Mountpoint, file)), `${Name} has lost ${file}`);
  }
  return all.map(({ Name }) => Name);
}

async function hasImage(scene: CrashScene, name: string): Promise<boolean> {
  const all = await (await scene.daemon()).engine.images.list();
  return all.some(({ repoTags }) => repoTags.includes(name));
}

/** But for what the next garbage collection takes away. */
async function isWhole(scene: CrashScene): Promise<void> {
  const problems = await (await scene.daemon()).engine.system.check({ deep: true });
  const real = problems.filter(({ hint }) => !hint.includes("prune"));
  assert.deepEqual(
    real.map(({ subject, message }) => `${subject}: ${message}`),
    [],
  );
}

async function isThereOrNot(scene: CrashScene, deed: Deed): Promise<void> {
  await scene.daemon();
  await scene.isQuiet();
  await isWhole(scene);
  if (!(await hasImage(scene, source))) await scene.killedAt(noStep, deed);
  assert.ok(await hasImage(scene, source));
  await isWhole(scene);
}
