/** A context that is changed and built over and over, at our daemon and at dockerd: what is built, and what travels for it. */
import assert from "node:assert/strict";
import { execFile, execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { once } from "node:events";
import * as fs from "node:fs";
import { connect, createServer, type Socket } from "node:net";
import { join } from "node:path";
import { test } from "node:test";
import { promisify } from "node:util";
import { collect, fromBytes } from "../../src/bytes/index.ts";
import { cannotRun } from "../../src/runtime/container_fixture.ts";
import { readTar } from "../../src/tar/index.ts";
import { noise } from "../fixtures/sample_image.ts";
import { dockerdSkip, startDockerd } from "../suites/dockerd.ts";
import { overlaySkip } from "../suites/overlay_skip.ts";
import { scratch, unlessAll } from "../suites/scratch.ts";
import { cliWithBuildkit } from "../support/cli_with_buildkit.ts";
import { daemonFixture } from "../support/daemon_fixture.ts";

const cli = cannotRun === false ? cliWithBuildkit() : undefined;
const skip =
  cannotRun || overlaySkip || unlessAll || (cli === undefined && "needs a docker CLI of 18.09 to 20.10");

/** A daemon behind a socket that counts what its clients send. */
interface Counted extends AsyncDisposable {
  readonly socket: string;
  sent(): number;
}

async function counted(target: string, socket: string): Promise<Counted> {
  let bytes = 0;
  const clients = new Set<Socket>();
  const server = createServer({ allowHalfOpen: true }, (client) => {
    const daemon = connect({ path: target, allowHalfOpen: true });
    clients.add(client);
    client.on("data", (chunk) => void (bytes += chunk.length));
    client.pipe(daemon).pipe(client);
    for (const [one, other] of [
      [client, daemon],
      [daemon, client],
    ] as const) {
      one.on("error", () => other.destroy());
      one.on("close", () => other.destroy());
    }
  }).listen(socket);
  await once(server, "listening");
  return {
    socket,
    sent: () => bytes,
    [Symbol.asyncDispose]: async () => {
      const closed = once(server, "close");
      server.close();
      for (const client of clients) client.destroy();
      await closed;
    },
  };
}

/** Seconds since 1970: long ago, so that no daemon takes it for one that is just being written. */
let clock = 1_600_000_000;

class Context {
  readonly path: string;

  constructor(path: string) {
    this.path = path;
    fs.mkdirSync(join(path, "d/e"), { recursive: true });
    for (let index = 0; index < 40; index++)
      this.write(index % 2 === 0 ? `f${index}` : `d/f${index}`, 20_000);
    this.write("Dockerfile", 'FROM scratch\nCOPY . /ctx/\nCMD ["x"]\n');
    this.link("d/link", "../f0");
  }

  write(name: string, content: number | string, time = ++clock): void {
    fs.writeFileSync(join(this.path, name), typeof content === "string" ? content : noise(content, time));
    fs.utimesSync(join(this.path, name), time, time);
  }

  /** Other content, which its time does not tell. */
  writeSecretly(name: string, size: number): void {
    const { mtimeMs } = fs.statSync(join(this.path, name));
    fs.writeFileSync(join(this.path, name), noise(size, ++clock));
    fs.utimesSync(join(this.path, name), mtimeMs / 1000, mtimeMs / 1000);
  }

  link(name: string, target: string): void {
    this.remove(name);
    fs.symlinkSync(target, join(this.path, name));
  }

  remove(name: string): void {
    fs.rmSync(join(this.path, name), { recursive: true, force: true });
  }

  rename(from: string, to: string): void {
    fs.renameSync(join(this.path, from), join(this.path, to));
  }
}

const changes: Readonly<Record<string, (context: Context) => void>> = {
  "nothing at all": () => undefined,
  "one file's content": (context) => context.write("f2", 20_000),
  "content and size, the time kept": (context) => context.writeSecretly("d/f3", 20_001),
  "a mode": ({ path }) => fs.chmodSync(join(path, "f4"), 0o4755),
  "a time": ({ path }) => fs.utimesSync(join(path, "f6"), ++clock, clock),
  "a name, and one file over another": (context) => {
    context.rename("f8", "renamed");
    context.rename("f10", "f12");
  },
  "a directory's name": (context) => context.rename("d", "moved"),
  "a file is a symlink, a symlink a file": (context) => {
    context.link("f14", "f16");
    context.remove("moved/link");
    context.write("moved/link", 3000);
  },
  "a file is a directory, a directory a file": (context) => {
    context.remove("f18");
    fs.mkdirSync(join(context.path, "f18"));
    context.write("f18/in", 100);
    context.remove("moved/e");
    context.write("moved/e", 100);
  },
  "fewer files": (context) => context.remove("f20"),
  "fewer files are wanted": (context) => context.write(".dockerignore", "moved/f*\n!moved/f5\n"),
  "more files are wanted": (context) => context.write(".dockerignore", "f22\n"),
};

const execute = promisify(execFile);

/** What the CLI builds of a directory: all that lies in it, and the bytes that it has sent for it. */
async function built({ socket, sent }: Counted, home: string, directory: string, ...flags: string[]) {
  const env = { ...process.env, DOCKER_BUILDKIT: "1", HOME: home, DOCKER_CONFIG: home };
  const docker = async (...args: string[]): Promise<Buffer> => {
    const words = ["-H", `unix://${socket}`, ...args];
    return (await execute(cli as string, words, { env, encoding: "buffer", maxBuffer: 1 << 28 })).stdout;
  };
  const before = sent();
  await docker("build", "-q", "-t", "app:1", ...flags, directory);
  const bytes = sent() - before;
  return { bytes, files: await filesOf(await docker("save", "app:1")) };
}

/** Of the image's only layer. */
async function filesOf(saved: Buffer): Promise<string[]> {
  const members = new Map<string, Buffer>();
  for await (const { entry, body } of readTar(fromBytes(saved)))
    members.set(entry.path, Buffer.from(await collect(body, 1 << 28)));
  const manifest = JSON.parse(String(members.get("manifest.json"))) as { Layers: [string] }[];
  const layer = members.get(manifest[0]?.Layers[0] ?? "") ?? assert.fail("no layer");
  const lines: string[] = [];
  for await (const { entry, body } of readTar(fromBytes(layer))) {
    const content = createHash("sha256")
      .update(await collect(body, 1 << 28))
      .digest("hex");
    const { path, type, mode, uid, gid, linkPath } = entry;
    lines.push([path, type, mode.toString(8), `${uid}:${gid}`, linkPath, content].join(" "));
  }
  return lines.sort();
}

test(
  "B179 a context that was changed is built as one that was never seen, and as by dockerd; only what was changed travels",
  { skip, timeout: 300_000 },
  async () => {
    using place = scratch("buildkit-incremental");
    await using fixture = await daemonFixture("overlay2");
    await using ours = await counted(fixture.socket, join(place.path, "ours"));
    const dockerdPlace = join(place.path, "dockerd");
    fs.mkdirSync(dockerdPlace);
    await using dockerd = dockerdSkip === false ? await startDockerd(dockerdPlace, "overlay2") : undefined;
    await using theirs = dockerd && (await counted(join(dockerdPlace, "s"), join(place.path, "theirs")));
    const context = new Context(join(place.path, "context"));
    const first = await built(ours, place.path, context.path);
    assert.ok(first.bytes > 800_000, `${first.bytes} bytes`);
    if (theirs) assert.deepEqual((await built(theirs, place.path, context.path)).files, first.files);
    for (const [what, change] of Object.entries(changes)) {
      change(context);
      const { bytes, files } = await built(ours, place.path, context.path);
      // Of a directory that no daemon knows.
      const copy = join(place.path, what);
      execFileSync("cp", ["-a", context.path, copy]);
      assert.deepEqual(files, (await built(ours, place.path, copy, "--no-cache")).files, what);
      if (theirs === undefined) continue;
      const other = await built(theirs, place.path, context.path);
      assert.deepEqual(files, other.files, what);
      assert.ok(bytes <= other.bytes + 10_000, `${what}: ${bytes} bytes, ${other.bytes} to dockerd`);
    }
    assert.deepEqual(fixture.warnings, []);
  },
);
