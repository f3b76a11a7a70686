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
import type { Order } from "./crash_program.ts";
import { named } from "./engine_fixture.ts";
import { tracesOf } from "./killable_daemon.ts";
import { endAll, importBase } from "./live_machine.ts";

export class CrashScene implements AsyncDisposable {
  readonly root: string;
  readonly #directory = scratch("crash");
  readonly #machine: TestMachine | undefined;
  readonly #ids = new Set<string>();
  #daemon: Daemon | undefined;
  #next: ChildProcess | undefined;

  private constructor(machine: TestMachine | undefined) {
    this.root = this.#directory.path;
    this.#machine = machine;
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
  async killedAt(order: Omit<Order, "root">): Promise<string | undefined> {
    await this.#leave();
    const child = this.#next ?? program();
    // It is ready by the time that it is needed.
    this.#next = program();
    child.stdin?.end(`${JSON.stringify({ ...order, root: this.root })}\n`);
    const ended = once(child, "close") as Promise<[number | null, string | null]>;
    const [step, [code, how]] = await Promise.all([text(child.stdout as never), ended]);
    if (how !== null) return step.replaceAll(this.root, "");
    assert.equal(code, 0, `${order.act} at step ${order.step}`);
    return undefined;
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
    for (const { id } of pods.list()) await pods.remove(id);
    for (const { id } of await engine.containers.list({ all: true }))
      await live.remove(id, { force: true, volumes: true });
    await engine.volumes.prune({ all: true });
    if ((await engine.store.names.get(named("made:1"))) !== undefined) await engine.images.remove("made:1");
    await collectGarbage(engine.store, { grace: 0 });
  }

  /** Files under the root, and all that could be left of containers. */
  left(): string[] {
    const entries = readdirSync(this.root, { recursive: true, withFileTypes: true });
    const files = entries.flatMap((entry) =>
      entry.isDirectory() ? [] : [join(entry.parentPath, entry.name).slice(this.root.length)],
    );
    return [...tracesOf(this.root, [...this.#ids]), ...files, this.#machine?.traces() ?? ""].sort();
  }

  async #leave(): Promise<void> {
    await this.#daemon?.[Symbol.asyncDispose]();
    this.#daemon = undefined;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#leave();
    this.#next?.kill("SIGKILL");
    endAll(this.root);
    this.#directory[Symbol.dispose]();
    await this.#machine?.[Symbol.asyncDispose]();
  }
}

/** What its script waits for. One that has ended waits no more. */
function letGo(record: ContainerRecord | undefined): void {
  try {
    writeFileSync(`/proc/${record?.State.Pid}/root/go`, "");
  } catch (error) {
    if (!["ENOENT", "ESRCH"].includes((error as NodeJS.ErrnoException).code ?? "")) throw error;
  }
}

function program(): ChildProcess {
  const file = join(import.meta.dirname, "crash_program.ts");
  return spawn(process.execPath, [file], { stdio: ["pipe", "pipe", "inherit"] });
}
