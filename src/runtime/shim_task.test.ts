/** The shim itself: found again, killed, claimed twice. */
import assert from "node:assert/strict";
import { existsSync, mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { parentOf } from "../../test/support/processes.ts";
import { isFailure } from "../errors.ts";
import { cannotRun, ContainerFixture } from "./container_fixture.ts";
import { containerSpec } from "./container_spec.ts";
import { ShimTask } from "./shim_task.ts";
import type { CreateTaskOptions, TaskStreams } from "./task_bundle.ts";
import { startShim } from "./shim_process.ts";

describe("a task under its shim", { skip: cannotRun }, () => {
  let fixture: ContainerFixture;
  before(async () => void (fixture = await ContainerFixture.create()));
  after(() => {
    const left = fixture.leftovers();
    fixture[Symbol.dispose]();
    assert.deepEqual(left, []);
  });

  /** A bundle with a config, as `runForeground` would make it. */
  async function prepare(command: readonly string[]): Promise<CreateTaskOptions> {
    const options = await fixture.spec(command);
    const bundle = fixture.bundle(options.id);
    mkdirSync(bundle, { recursive: true });
    writeFileSync(join(bundle, "config.json"), JSON.stringify(containerSpec(options)));
    const { shim, runtime } = fixture.programs;
    return { shim, bundle, id: options.id, runtime, terminal: false, stdin: false };
  }

  function removed(place: CreateTaskOptions): void {
    assert.deepEqual(readdirSync(place.bundle), ["config.json"]);
    rmSync(place.bundle, { recursive: true });
  }

  async function textOf(stream: TaskStreams["stdout"]): Promise<string> {
    let text = "";
    for await (const chunk of stream) text += String(chunk);
    return text;
  }

  test("goes from created to running to stopped, and tells when and how", async () => {
    const place = await prepare(["sh", "-c", "echo hi; exit 7"]);
    const { task, streams } = await ShimTask.create(place);
    assert.equal((await task.state()).status, "created");
    const output = textOf(streams.stdout);
    const began = Date.now() - 1000;
    const exited = task.wait();
    assert.ok((await task.start()) > 1);
    const exit = await exited;
    assert.equal(exit.status, 7);
    assert.ok(exit.exitedAt.getTime() >= began && exit.exitedAt.getTime() <= Date.now() + 1000);
    const state = await task.state();
    assert.deepEqual([state.status, state.exit?.status], ["stopped", 7]);
    assert.equal(await output, "hi\n");
    assert.equal((await task.delete())?.status, 7);
    removed(place);
  });

  test("pauses and resumes, knows its processes, and may not be deleted while it runs", async () => {
    const place = await prepare(["sleep", "600"]);
    const { task, streams } = await ShimTask.create(place);
    const pid = await task.start();
    assert.deepEqual(await task.pids(), [pid]);
    await task.pause();
    assert.equal((await task.state()).status, "paused");
    await task.resume();
    assert.equal((await task.state()).status, "running");
    await assert.rejects(task.delete(), (error) => isFailure(error));
    const exited = task.wait();
    await task.kill(9);
    assert.equal((await exited).status, 137);
    await task.delete();
    streams.stdout.destroy();
    streams.stderr?.destroy();
    removed(place);
  });

  test("is found again by its bundle, with its output, after the one who started it has left", async () => {
    const place = { ...(await prepare(["sh", "-c", "read line; echo got $line"])), stdin: true };
    const first = await ShimTask.create(place);
    await first.task.start();
    for (const stream of Object.values(first.streams)) stream?.destroy();
    first.task.release();

    const task = await ShimTask.reconnect(place);
    assert.ok(task);
    assert.equal((await task.state()).status, "running");
    const streams = task.reopenStreams(place);
    const output = textOf(streams.stdout);
    const exited = task.wait();
    streams.stdin?.write("hello\n");
    assert.equal((await exited).status, 0);
    assert.equal(await output, "got hello\n");
    await task.delete();
    for (const stream of Object.values(streams)) stream?.destroy();
    removed(place);
  });

  test("a shim that was killed leaves nothing that cannot be removed", async () => {
    const place = await prepare(["sleep", "600"]);
    const { task, streams } = await ShimTask.create(place);
    const pid = await task.start();
    const exited = task.wait();
    process.kill(parentOf(pid), "SIGKILL");
    await assert.rejects(exited, (error) => isFailure(error, "unavailable"));
    const address = readFileSync(join(place.bundle, "address"), "latin1").replace("unix://", "");
    assert.equal(await ShimTask.reconnect(place), undefined);
    // The container lives on without its shim.
    assert.ok(existsSync(`/proc/${pid}`));
    await ShimTask.removeLeftovers(place);
    assert.ok(!existsSync(address));
    task.release();
    for (const stream of Object.values(streams)) stream?.destroy();
    assert.ok(!existsSync(place.bundle));
  });

  test("a bundle in use is refused and left alone", async () => {
    const place = await prepare(["sleep", "600"]);
    const { task, streams } = await ShimTask.create(place);
    await task.start();
    await assert.rejects(ShimTask.create(place), (error) => isFailure(error, "conflict"));
    assert.equal((await task.state()).status, "running");
    const exited = task.wait();
    await task.kill(9);
    await exited;
    await task.delete();
    for (const stream of Object.values(streams)) stream?.destroy();
    removed(place);
  });

  test("a container that was created and never started can be deleted", async () => {
    const place = await prepare(["true"]);
    const { task, streams } = await ShimTask.create(place);
    await task.delete();
    for (const stream of Object.values(streams)) stream?.destroy();
    removed(place);
  });

  test("reconnecting where nothing ever ran finds nothing", async () => {
    const place = await prepare(["true"]);
    assert.equal(await ShimTask.reconnect(place), undefined);
    removed(place);
  });
});

test("a missing shim is unsupported, with the way to get it", async () => {
  const place = { shim: "/nowhere/containerd-shim-runc-v2", bundle: "/", id: "x" };
  await assert.rejects(startShim(place), (error) => {
    assert.ok(isFailure(error, "unsupported"));
    assert.match(error.hint ?? "", /apt-get install containerd runc/);
    return true;
  });
});
