/** A network namespace that plays a host with one engine on it: bridges, rules and ports are its own. */
import { execFileSync, spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import * as fs from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { text } from "node:stream/consumers";
import { toFile } from "../../src/bytes/index.ts";
import { treeTar } from "../../src/layer/index.ts";
import { ContainerFixture } from "../../src/runtime/container_fixture.ts";
import { createNetworkNamespace, removeNetworkNamespace } from "../../src/sys/index.ts";
import { scratch } from "../suites/scratch.ts";
import { signal } from "../support/engine_fixture.ts";
import { bundle, type Outcome } from "./support.ts";

export type EngineName = "varve" | "dockerd";

export interface PrivateHost extends AsyncDisposable {
  /** Where commands run; with `base.tar`, a root filesystem of busybox. */
  readonly directory: string;
  /** The engine's socket. */
  readonly socket: string;
  readonly environment: Readonly<Record<string, string>>;
  /** Runs a line of shell on the host; docker's commands meet the engine. Standard input is empty. */
  sh(line: string): Promise<Outcome>;
  /** Starts a program of the host that runs until the host ends. Resolves with the line that fits. */
  serve(words: readonly string[], ready: RegExp): Promise<string>;
  /** What the engine has said. */
  readonly said: readonly string[];
}

/**
 * Starts the engine on an empty root. Throws with its last words if it does not come up.
 * @param settings its `daemon.json`
 */
export async function privateHost(engine: EngineName, settings: object = {}): Promise<PrivateHost> {
  await using undo = new AsyncDisposableStack();
  let parts: AsyncDisposableStack = undo;
  const { path } = undo.use(scratch(`host-${engine}`));
  const namespace = join(path, "host");
  createNetworkNamespace(namespace);
  undo.defer(() => removeNetworkNamespace(namespace));
  const directory = join(path, "work");
  fs.mkdirSync(directory);
  using base = await ContainerFixture.create();
  await toFile(treeTar(base.rootfs, { signal }), join(directory, "base.tar"), { signal });
  const socket = join(path, "s");
  const environment = environmentOf(path, socket);
  const start = (words: readonly string[]): ChildProcess =>
    spawn("nsenter", [`--net=${namespace}`, ...words], {
      cwd: directory,
      env: environment,
      stdio: ["ignore", "pipe", "pipe"],
    });
  const said: string[] = [];
  const serve: PrivateHost["serve"] = async (words, ready) => {
    const child = start(words);
    parts.defer(() => end(child));
    return await lineOf(child, ready, said);
  };
  undo.defer(() => endNames(join(path, "root")));
  undo.defer(() => letGo(join(path, "exec/netns/default")));
  const config = join(path, "daemon.json");
  fs.writeFileSync(config, JSON.stringify(settings));
  const words = engine === "varve" ? varveDaemon(path, socket) : dockerd(path, socket);
  await serve([...words, "--config-file", config], /API listen on/);
  const sh: PrivateHost["sh"] = (line) => outcomeOf(start(["sh", "-c", line]));
  // What lives on when an engine ends goes before it does.
  undo.defer(async () => void (await sh("docker ps -aq | xargs -r docker rm -fv")));
  parts = undo.move();
  return {
    directory,
    socket,
    environment,
    sh,
    serve,
    said,
    [Symbol.asyncDispose]: () => parts.disposeAsync(),
  };
}

/** Nothing of this machine's settings takes part. */
function environmentOf(path: string, socket: string): Record<string, string> {
  return {
    PATH: `${process.env["PATH"] ?? ""}:/usr/sbin:/sbin`,
    HOME: join(path, "home"),
    DOCKER_CONFIG: join(path, "settings"),
    DOCKER_HOST: `unix://${socket}`,
    DOCKER_BUILDKIT: "0",
    COLUMNS: "200",
    TMPDIR: process.env["TMPDIR"] ?? "/tmp",
    no_proxy: "*",
  };
}

function varveDaemon(path: string, socket: string): string[] {
  const globals = ["--root", join(path, "root"), "--driver", "overlay2"];
  return [process.execPath, bundle, ...globals, "daemon", "-H", `unix://${socket}`];
}

function dockerd(path: string, socket: string): string[] {
  const places = [
    "--data-root",
    join(path, "root"),
    "--exec-root",
    join(path, "exec"),
    "-p",
    join(path, "pid"),
  ];
  return ["dockerd", ...places, "-H", `unix://${socket}`, "--storage-driver", "overlay2"];
}

async function lineOf(child: ChildProcess, ready: RegExp, said: string[]): Promise<string> {
  const found = Promise.withResolvers<string>();
  for (const stream of [child.stdout, child.stderr])
    createInterface({ input: stream as NodeJS.ReadableStream }).on("line", (line) => {
      said.push(line);
      if (ready.test(line)) found.resolve(line);
    });
  child.once("close", () => found.reject(new Error(`it ended and said ${said.slice(-5).join("\n")}`)));
  return await found.promise;
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const closed = once(child, "close");
  child.kill("SIGTERM");
  await closed;
}

async function outcomeOf(child: ChildProcess): Promise<Outcome> {
  const ended = once(child, "close") as Promise<[number | null]>;
  const [stdout, stderr, [code]] = await Promise.all([text(child.stdout!), text(child.stderr!), ended]);
  return { code: code ?? -1, stdout, stderr };
}

/** The name server of varve's networks outlives the daemon, as containers do. */
function endNames(root: string): void {
  try {
    execFileSync("sh", ["-c", `kill $(cat ${root}/varve/network/netavark/aardvark-dns/aardvark.pid)`], {
      stdio: "ignore",
    });
  } catch {
    // None runs.
  }
}

/** dockerd leaves the host's namespace mounted there. */
function letGo(path: string): void {
  if (fs.existsSync(path)) removeNetworkNamespace(path);
}
