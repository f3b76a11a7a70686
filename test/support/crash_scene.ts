/** A daemon that is killed at a step of what it does, and what must be true for its successor. */
import assert from "node:assert/strict";
import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { existsSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { Daemon } from "../../src/engine/daemon.ts";
import { collectGarbage } from "../../src/store/index.ts";
import { listRecords, type ContainerRecord } from "../../src/engine/containers/record.ts";
import type { TestMachine } from "../suites/network_fixture.ts";
import { scratch } from "../suites/scratch.ts";
import { runsOf } from "./crash_container.ts";
import type { AskedOrder } from "./crash_asked.ts";
import type { Order } from "./crash_program.ts";
import { signal } from "./engine_fixture.ts";
import { tracesOf } from "./killable_daemon.ts";
import { endAll, importBase } from "./live_machine.ts";

/** What a daemon is to do; where, the scene says. */
export type Deed = Omit<Order, "root" | "step"> | Pick<AskedOrder, "asked">;

/** Nobody is killed: it comes to its end. */
export const noStep = Number.MAX_SAFE_INTEGER;

export class CrashScene implements AsyncDisposable {
  readonly root: string;
  readonly #directory = scratch("crash");
  readonly machine: TestMachine | undefined;
  /** What goes with it. */
  readonly undo = new AsyncDisposableStack();
  readonly #ids = new Set<string>();
  #daemon: Daemon | undefined;
  /** Programs that are ready to be told what to do, by their files. */
  readonly #ready = new Map<string, ChildProcess>();

  private constructor(machine: TestMachine | undefined) {
    this.root = this.path("root");
    this.machine = machine;
  }

  /** A place for the test's own files. */
  path(name: string): string {
    return join(this.#directory.path, name);
  }

  /** @param machine on which it all happens */
  static async make(machine?: TestMachine): Promise<CrashScene> {
    const scene = new CrashScene(machine);
    await importBase(await scene.daemon());
    return scene;
  }

  /** The one that lives now, or a new one. What goes wrong behind nobody's call fails the test. */
  async daemon(): Promise<Daemon> {
    return (this.#daemon ??= await Daemon.open({
      root: this.root,
      driver: "overlay2",
      warn: (text) => assert.fail(text),
    }));
  }

  /** Another daemon does something up to a step. @returns which it was; undefined: it came to its end */
  async killedAt(step: number, deed: Deed): Promise<string | undefined> {
    await this.#leave();
    const child = this.#program("asked" in deed ? "crash_asked.ts" : "crash_program.ts");
    const order = { ...deed, root: this.root, socket: this.path("s"), step };
    child.stdin?.end(`${JSON.stringify(order)}\n`);
    const ended = once(child, "close") as Promise<[number | null, string | null]>;
    const [at, [code, how]] = await Promise.all([text(child.stdout as never), ended]);
    if (how !== null) return at.replaceAll(this.root, "");
    assert.equal(code, 0, `${JSON.stringify(deed)} at step ${step}`);
    return undefined;
  }

  /** The next one is ready by the time that it is needed. */
  #program(file: string): ChildProcess {
    const child = this.#ready.get(file) ?? this.#spawn(file);
    this.#ready.set(file, this.#spawn(file));
    return child;
  }

  /** What is compiled is kept: that is two thirds of a program's time. */
  #spawn(file: string): ChildProcess {
    const env = { ...process.env, NODE_COMPILE_CACHE: this.path("compiled") };
    const words = [join(import.meta.dirname, file)];
    return spawn(process.execPath, words, { stdio: ["pipe", "pipe", "inherit"], env });
  }

  /** The container as it stands when all that had happened to it has been seen. Undefined: it has gone. */
  async record(): Promise<ContainerRecord | undefined> {
    const { live } = await this.daemon();
    for (;;) {
      const [found] = await listRecords(this.root);
      if (found === undefined) return undefined;
      this.#ids.add(found.ID);
      const record = await live.find(found.ID).catch(() => undefined);
      const { Running, Restarting, Pid } = record?.State ?? {};
      if (Running !== true || (!Restarting && existsSync(`/proc/${Pid}`))) return record;
      await new Promise(setImmediate);
    }
  }

  /** Whether its record says that it runs; it does exactly then. */
  async isRunning(): Promise<boolean> {
    for (;;) {
      const before = (await this.record())?.State;
      const shims = tracesOf(this.root, []).filter((line) => /^process .*containerd-shim/.test(line));
      const state = (await this.record())?.State;
      if (before?.Pid !== state?.Pid) continue;
      const isRunning = state?.Running === true;
      assert.equal(shims.length, isRunning ? 1 : 0, `${JSON.stringify(state)} ${shims.join(" ")}`);
      assert.equal((state?.Pid ?? 0) > 0, isRunning);
      return isRunning;
    }
  }

  async start(): Promise<void> {
    await (await this.daemon()).live.start((await this.record())?.ID ?? "");
  }

  /** Tells it to end, if it runs, and waits until it has for good. */
  async end(): Promise<void> {
    const record = await this.record();
    if (record?.State.Paused === true) await (await this.daemon()).live.unpause(record.ID);
    letGo(record);
    while ((await this.record())?.State.Running === true) await new Promise(setImmediate);
  }

  /** As {@link end}, of one that nobody supervises. */
  async endUnseen(): Promise<void> {
    await this.#leave();
    const [record] = await listRecords(this.root);
    letGo(record);
    while (existsSync(`/proc/${record?.State.Pid}`)) await new Promise(setImmediate);
  }

  /** Its exit code, and what each of its runs has printed. */
  async outcome(): Promise<readonly [code: number | undefined, ...runs: string[]]> {
    const record = await this.record();
    return [record?.State.ExitCode, ...runsOf(this.root, record?.ID ?? "")];
  }

  /** Removes all that anybody has made. */
  async tidy(): Promise<void> {
    const { engine, live, pods } = await this.daemon();
    for (const { id } of await engine.containers.list({ all: true }))
      await live.remove(id, { force: true, volumes: true });
    for (const { id } of pods.list()) await pods.remove(id);
    for (const { Name } of await engine.volumes.list()) await engine.volumes.remove(Name);
    if (this.machine !== undefined) await engine.networks.prune();
    await this.#forgetImages();
    await collectGarbage(engine.store, { grace: 0 });
  }

  /** But for `base:1`. */
  async #forgetImages(): Promise<void> {
    const { engine } = await this.daemon();
    await engine.system.pruneBuildCache({ all: true, signal });
    for (const { id, repoTags } of await engine.images.list()) {
      const others = repoTags.filter((name) => name !== "base:1");
      for (const name of others.length === repoTags.length ? [id] : others)
        await engine.images.remove(name, { force: true });
    }
  }

  /** Nothing runs, nothing is mounted, nobody is connected; for where there is no container. */
  async isQuiet(): Promise<void> {
    const traces = (): string[] => tracesOf(this.root, []);
    // Guards of a build's steps end behind their builder.
    while (traces().some((line) => line.startsWith("process /bin/sh"))) await new Promise(setImmediate);
    const busy = traces().filter((line) => /^(process|mount) |namespaces\//.test(line));
    assert.deepEqual([...busy, this.machine?.traces() ?? ""], [""]);
  }

  /** Files under the root, and all that could be left of containers, networks and pods. */
  left(): string[] {
    const entries = readdirSync(this.root, { recursive: true, withFileTypes: true });
    const files = entries.flatMap((entry) =>
      entry.isDirectory() ? [] : [join(entry.parentPath, entry.name).slice(this.root.length)],
    );
    return [
      ...tracesOf(this.root, [...this.#ids]),
      ...files.filter((file) => !isRemembered(file)),
      ...(this.machine?.inventory() ?? []),
    ].sort();
  }

  async #leave(): Promise<void> {
    await this.#daemon?.[Symbol.asyncDispose]();
    this.#daemon = undefined;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#leave();
    for (const child of this.#ready.values()) child.kill("SIGKILL");
    endAll(this.root);
    await this.undo.disposeAsync();
    this.#directory[Symbol.dispose]();
    await this.machine?.[Symbol.asyncDispose]();
  }
}

/** Of images that have gone, for the next pull, push or build; with bounds of its own. */
function isRemembered(file: string): boolean {
  return /^\/varve\/(blobs|layer-blobs|transfers|build-cache\/(contexts|last))\/|\/distribution\//.test(file);
}

/** What its script waits for. One that has ended waits no more. */
function letGo(record: ContainerRecord | undefined): void {
  try {
    writeFileSync(`/proc/${record?.State.Pid}/root/go`, "");
  } catch (error) {
    if (!["ENOENT", "ESRCH"].includes((error as NodeJS.ErrnoException).code ?? "")) throw error;
  }
}
