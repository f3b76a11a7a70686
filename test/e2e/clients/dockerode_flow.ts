/**
 * dockerode's ordinary flows against the engine of DOCKER_HOST. A program: `dockerode_flow.ts MODULES REGISTRY`, in a
 * directory with `base.tar`; says each flow that it has been through.
 */
import assert from "node:assert/strict";
import { once } from "node:events";
import * as fs from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { PassThrough, type Readable } from "node:stream";
import { buffer, text } from "node:stream/consumers";
import { execFileSync } from "node:child_process";

const [modules = "", registry = ""] = process.argv.slice(2);
const Docker = createRequire(join(modules, "/"))("dockerode");
const docker = new Docker();

const flows: Readonly<Record<string, () => Promise<void>>> = {
  async "images: import, tag, build, push, pull, followProgress"() {
    await followed(await docker.importImage("base.tar", { repo: "base", tag: "1" }));
    fs.mkdirSync("context");
    fs.writeFileSync("context/Dockerfile", "FROM base:1\nCOPY f /f\nRUN cat /f\nLABEL by=dockerode\n");
    fs.writeFileSync("context/f", "from the context\n");
    const built = await followed(
      await docker.buildImage(
        { context: join(process.cwd(), "context"), src: ["Dockerfile", "f"] },
        { t: "built:1", networkmode: "none" },
      ),
    );
    assert.ok(built.some(({ stream }) => stream === "from the context\n"));
    assert.ok(built.some(({ aux }) => aux?.ID?.startsWith("sha256:")));
    const image = docker.getImage("built:1");
    assert.equal((await image.inspect()).Config.Labels.by, "dockerode");
    await image.tag({ repo: `${registry}/built`, tag: "1" });
    const remote = docker.getImage(`${registry}/built:1`);
    const pushed = await followed(await remote.push({ authconfig: {} }));
    assert.match(pushed.at(-1)?.aux?.Digest ?? "", /^sha256:/);
    await remote.remove();
    const pulled = await followed(await docker.pull(`${registry}/built:1`));
    assert.match(pulled.at(-1)?.status ?? "", /^Status: /);
    assert.equal((await remote.history()).length, 4);
    assert.equal((await docker.listImages({ filters: { reference: ["built"] } })).length, 1);
    await assert.rejects(docker.getImage("none").inspect(), { statusCode: 404, reason: "no such image" });
    const saved = (await buffer(await image.get())) as Buffer;
    fs.writeFileSync("saved.tar", saved);
    const loaded = await followed(await docker.loadImage("saved.tar"));
    assert.match(loaded.at(-1)?.stream ?? "", /^Loaded image: built:1/);
  },

  async "docker.run, with streams apart and with a terminal"() {
    const [out, error] = [new PassThrough(), new PassThrough()];
    const printed = Promise.all([text(out), text(error)]);
    const command = ["sh", "-c", "echo out; echo err >&2; exit 3"];
    const [{ StatusCode }, container] = await docker.run("base:1", command, [out, error], { Tty: false });
    assert.equal(StatusCode, 3);
    out.end();
    error.end();
    assert.deepEqual(await printed, ["out\n", "err\n"]);
    await container.remove();
    const screen = new PassThrough();
    await docker.run("base:1", ["tty"], screen, { HostConfig: { AutoRemove: true } });
    assert.equal(String(screen.read()), "/dev/pts/0\r\n");
  },

  async "containers: create, attach, start, resize, wait, logs, restart, remove"() {
    const container = await docker.createContainer({
      Image: "base:1",
      Cmd: ["sh", "-c", 'read line; echo "got $line"; read more; stty size'],
      OpenStdin: true,
      StdinOnce: true,
      Tty: true,
      name: "attached",
    });
    const stream = await container.attach({
      stream: true,
      stdin: true,
      stdout: true,
      stderr: true,
      hijack: true,
    });
    const all = text(stream);
    await container.start();
    await container.resize({ h: 33, w: 99 });
    stream.write("word\n");
    stream.write("\n");
    assert.equal((await container.wait()).StatusCode, 0);
    assert.match(await all, /got word\r\n[^]*33 99\r\n$/);
    assert.match(String(await container.logs({ stdout: true })), /got word\r\n/);
    assert.equal((await container.inspect()).State.Status, "exited");
    await container.remove({ v: true });
    await assert.rejects(container.inspect(), { statusCode: 404 });
  },

  async "a running one: exec, top, stats, pause, rename, update, archives, changes, commit, export"() {
    const container = await running("busy", { Cmd: ["sleep", "1000"] });
    const exec = await container.exec({
      Cmd: ["cat"],
      AttachStdin: true,
      AttachStdout: true,
      AttachStderr: true,
    });
    const stream = await exec.start({ hijack: true, stdin: true });
    const [out, error] = [new PassThrough(), new PassThrough()];
    docker.modem.demuxStream(stream, out, error);
    stream.end("through cat\n");
    await once(stream, "end");
    assert.equal(String(out.read()), "through cat\n");
    assert.deepEqual(((info) => [info.Running, info.ExitCode])(await exec.inspect()), [false, 0]);
    assert.equal((await container.top({ ps_args: "-o pid,args" })).Processes[0][1], "sleep 1000");
    assert.ok((await container.stats({ stream: false })).memory_stats.usage > 0);
    const samples = await container.stats({ stream: true });
    assert.equal(JSON.parse(String((await once(samples, "data"))[0])).name, "/busy");
    samples.destroy();
    await container.pause();
    assert.equal((await container.inspect()).State.Paused, true);
    await container.unpause();
    await container.rename({ name: "busier" });
    await container.update({ Memory: 64 << 20, MemorySwap: 128 << 20 });
    assert.equal((await container.inspect()).HostConfig.Memory, 64 << 20);
    await container.putArchive(execFileSync("tar", ["c", "-C", "context", "f"]), { path: "/tmp" });
    fs.writeFileSync("got.tar", await buffer(await container.getArchive({ path: "/tmp/f" })));
    assert.equal(String(execFileSync("tar", ["xOf", "got.tar"])), "from the context\n");
    // An answer that is not read keeps this program alive, as it does with dockerd.
    const stat = (await container.infoArchive({ path: "/tmp/f" })).resume().headers[
      "x-docker-container-path-stat"
    ];
    assert.equal(JSON.parse(Buffer.from(stat, "base64").toString()).name, "f");
    assert.deepEqual(await container.changes(), [
      { Path: "/tmp", Kind: 0 },
      { Path: "/tmp/f", Kind: 1 },
    ]);
    const { Id } = await container.commit({ repo: "committed", comment: "by dockerode" });
    assert.equal((await docker.getImage(Id).inspect()).Comment, "by dockerode");
    assert.ok((await buffer(await container.export())).length > 1_000_000);
    await container.restart({ t: 0 });
    await container.kill({ signal: "SIGKILL" });
    assert.equal((await container.wait()).StatusCode, 137);
    await container.remove({ force: true });
  },

  async "logs that are followed"() {
    const script = "echo one; until [ -e /go ]; do sleep 0.1; done; echo two";
    const container = await running("talker", { Cmd: ["sh", "-c", script] });
    const logs: Readable = await container.logs({ follow: true, stdout: true, stderr: true });
    const out = new PassThrough();
    container.modem.demuxStream(logs, out, out);
    const all = text(out);
    await once(out, "readable");
    (await (await container.exec({ Cmd: ["touch", "/go"] })).start({ Detach: true })).resume();
    await once(logs, "end");
    out.end();
    assert.equal(await all, "one\ntwo\n");
    await container.remove();
  },

  async "networks and published ports"() {
    const network = await docker.createNetwork({ Name: "talk", Driver: "bridge", CheckDuplicate: true });
    const script = "mkdir /w; echo hello > /w/i; httpd -f -p 80 -h /w";
    const server = await running("server", {
      Cmd: ["sh", "-c", script],
      ExposedPorts: { "80/tcp": {} },
      HostConfig: { PortBindings: { "80/tcp": [{ HostPort: "0" }] } },
    });
    await network.connect({ Container: "server", EndpointConfig: { Aliases: ["srv"] } });
    const { Ports, Networks } = (await server.inspect()).NetworkSettings;
    assert.deepEqual(Object.keys(Networks).sort(), ["bridge", "talk"]);
    const url = `http://127.0.0.1:${Ports["80/tcp"][0].HostPort}/i`;
    assert.equal(
      String(execFileSync("curl", ["-sS", "--retry", "20", "--retry-connrefused", url])),
      "hello\n",
    );
    const screen = new PassThrough();
    await docker.run("base:1", ["wget", "-qO-", "http://srv/i"], screen, {
      HostConfig: { AutoRemove: true, NetworkMode: "talk" },
    });
    assert.equal(String(screen.read()), "hello\r\n");
    assert.equal(Object.keys((await network.inspect()).Containers).length, 1);
    await assert.rejects(network.remove(), { statusCode: 403 });
    await network.disconnect({ Container: "server" });
    await network.remove();
    await server.stop({ t: 0 });
    await server.remove();
  },

  async "volumes, events, lists, prunes, system"() {
    const seen: string[] = [];
    const events: Readable = await docker.getEvents({ filters: { type: ["volume"] } });
    const created = Promise.withResolvers<void>();
    events.on("data", (chunk: Buffer) => {
      for (const line of chunk.toString().trim().split("\n")) seen.push(JSON.parse(line).Action);
      if (seen.includes("create")) created.resolve();
    });
    const volume = await docker.createVolume({ Name: "data", Labels: { a: "b" } });
    await created.promise;
    events.removeAllListeners();
    events.on("error", () => undefined).destroy();
    assert.equal((await volume.inspect()).Labels.a, "b");
    assert.deepEqual(
      (await docker.listVolumes()).Volumes.map(({ Name }: { Name: string }) => Name),
      ["data"],
    );
    const listed = await docker.listContainers({ all: true });
    assert.deepEqual(listed, []);
    await volume.remove();
    assert.deepEqual((await docker.pruneContainers()).ContainersDeleted, null);
    assert.ok("VolumesDeleted" in (await docker.pruneVolumes()));
    assert.ok("NetworksDeleted" in (await docker.pruneNetworks()));
    const pruned = await docker.pruneImages({ filters: { dangling: { false: true } } });
    assert.ok(pruned.ImagesDeleted.length > 0 && pruned.SpaceReclaimed > 0);
    assert.equal(String(await docker.ping()), "OK");
    assert.equal((await docker.info()).Images, 0);
    assert.ok((await docker.version()).ApiVersion);
    assert.ok((await docker.df()).LayersSize >= 0);
    await assert.rejects(docker.swarmInspect(), { statusCode: 503 });
  },
};

interface Progress {
  readonly status?: string;
  readonly stream?: string;
  readonly aux?: { readonly ID?: string; readonly Digest?: string };
}

function followed(stream: Readable): Promise<Progress[]> {
  return new Promise((resolve, reject) => {
    docker.modem.followProgress(stream, (error: Error | null, lines: Progress[]) =>
      error === null ? resolve(lines) : reject(error),
    );
  });
}

async function running(name: string, options: object) {
  const container = await docker.createContainer({ Image: "base:1", name, ...options });
  await container.start();
  return container;
}

for (const [name, flow] of Object.entries(flows)) {
  await flow();
  process.stdout.write(`${name}\n`);
}
