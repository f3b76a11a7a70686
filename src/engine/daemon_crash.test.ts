/**
 * A daemon that is killed at a step of what it does, at each one with VARVE_LIVE=all: the next one finds what runs, knows how
 * the rest has ended, has each line of each log once, and leaves nothing of a container that is removed.
 */
import assert from "node:assert/strict";
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { prints } from "../../test/support/crash_container.ts";
import { CrashScene, noStep } from "../../test/support/crash_scene.ts";
import { crashSuite, type Crash } from "../../test/support/crash_suite.ts";
import { cannotLive } from "../../test/support/live_machine.ts";
import { cannotConnect } from "../../test/support/networked_daemon.ts";
import { testMachine } from "../../test/suites/network_fixture.ts";
import { scratch, unlessAll } from "../../test/suites/scratch.ts";
import { Daemon } from "./daemon.ts";

const onFailure = { hostConfig: { RestartPolicy: { Name: "on-failure", MaximumRetryCount: 1 } } };
const autoRemove = { hostConfig: { AutoRemove: true } };
const volume = { config: { Volumes: { "/etc": {} } } };
const images = {
  hostConfig: {
    Mounts: [
      { Type: "image", Source: "base:1", Target: "/image" },
      { Type: "image", Source: "base:1", Target: "/part", ImageOptions: { Subpath: "bin" } },
    ],
  },
};
const left = (scene: CrashScene) => scene.killedAt(noStep, { act: "run" });

const crashes: Record<string, Crash> = {
  create: { deed: { act: "create", parts: volume }, some: [46], expect: isWholeOrNot },
  start: { deed: { act: "start" }, some: [34], expect: runsOrCanBeStarted },
  "a start with --rm": { deed: { act: "start", parts: autoRemove }, expect: isGoneOrRuns },
  "a create with images mounted": { deed: { act: "create", parts: images }, expect: isWholeOrNot },
  "a start with images mounted": { deed: { act: "start", parts: images }, expect: runsOrCanBeStarted },
  "an end with images mounted": { deed: { act: "end", parts: images }, expect: endsOnce },
  "remove -f with images mounted": { deed: { act: "remove -f", parts: images }, expect: isGoneOrDead },
  "an end": { deed: { act: "end" }, expect: endsOnce },
  "an end and a restart": { deed: { act: "end", parts: onFailure }, some: [70], expect: runsTwice },
  "an end with --rm": { deed: { act: "end", parts: autoRemove }, expect: isGoneOrRuns },
  stop: { deed: { act: "stop" }, expect: stops },
  kill: { deed: { act: "kill" }, expect: isKilled },
  restart: { deed: { act: "restart" }, expect: stopsAndRuns },
  pause: { deed: { act: "pause" }, expect: endsOnce },
  unpause: { deed: { act: "unpause" }, expect: endsOnce },
  exec: { deed: { act: "exec" }, expect: endsOnce },
  update: { deed: { act: "update" }, expect: endsOnce },
  rename: { deed: { act: "rename" }, expect: endsOnce },
  commit: { deed: { act: "commit" }, expect: endsOnce },
  remove: { deed: { act: "remove", parts: volume }, expect: isGoneOrDead },
  "remove -f": { deed: { act: "remove -f", parts: volume }, some: [70], expect: isGoneOrDead },
  "processes of a pod that are to be shared": {
    deed: { act: "share pids" },
    some: [28, 30],
    expect: sharesOrIsGone,
  },
  "the removal of a pod": { deed: { act: "remove pod" }, some: [9], expect: sharesOrIsGone },
  "another daemon's beginning": { deed: { act: "restore" }, first: left, expect: endsOnce },
  "another daemon's beginning, after an end": {
    deed: { act: "restore" },
    first: async (scene) => {
      await left(scene);
      await scene.endUnseen();
    },
    expect: endsOnce,
  },
};

const bridge = { hostConfig: { NetworkMode: "bridge" } };
const bridged: Record<string, Crash> = {
  "a start on a bridge": { deed: { act: "start", parts: bridge }, expect: runsOrCanBeStarted },
  "an end on a bridge": { deed: { act: "end", parts: bridge }, expect: endsOnce },
  "remove -f on a bridge": { deed: { act: "remove -f", parts: bridge }, expect: isGoneOrDead },
};

crashSuite("a daemon that is killed", cannotLive, crashes, () => CrashScene.make());
crashSuite("a daemon with networks that is killed", unlessAll || cannotConnect, bridged, async () =>
  CrashScene.make(await testMachine()),
);

test("lock files of processes that were killed go when a daemon begins", async () => {
  using root = scratch("daemon");
  const locks = join(root.path, "varve/locks");
  mkdirSync(locks, { recursive: true });
  writeFileSync(join(locks, "record-gone"), "");
  await using daemon = await Daemon.open({ root: root.path, driver: "vfs", warn: assert.fail });
  assert.deepEqual([daemon.engine.store.driver.name, ...readdirSync(locks)], ["vfs", "daemon"]);
});

async function isWholeOrNot(scene: CrashScene): Promise<void> {
  if ((await scene.record()) !== undefined) await runsOrCanBeStarted(scene);
}

async function endsOnce(scene: CrashScene): Promise<void> {
  await scene.isRunning();
  await scene.end();
  assert.deepEqual(await scene.outcome(), [7, prints.end]);
}

async function runsOrCanBeStarted(scene: CrashScene): Promise<void> {
  if (!(await scene.isRunning())) await scene.start();
  await endsOnce(scene);
}

async function isGoneOrRuns(scene: CrashScene): Promise<void> {
  await scene.isRunning();
  await scene.end();
  // Behind its end; the lock of who supervises it goes last.
  const names = (folder: string): string[] => readdirSync(join(scene.root, folder));
  while (names("containers").length > 0 || names("varve/locks").some((name) => name.startsWith("container-")))
    await new Promise(setImmediate);
}

async function runsTwice(scene: CrashScene): Promise<void> {
  await scene.isRunning();
  await scene.end();
  assert.deepEqual(await scene.outcome(), [7, prints.end, prints.end]);
  assert.equal((await scene.record())?.["RestartCount"], 1);
}

/** All processes that there are belong to pods; each is ready for containers, or to be removed. */
async function sharesOrIsGone(scene: CrashScene): Promise<void> {
  const { pods } = await scene.daemon();
  for (const { id, ready } of pods.list())
    if (ready) await pods.sharePids(id, "");
    else await assert.rejects(pods.sharePids(id, ""), { kind: "conflict" });
  const ready = pods.list().filter((pod) => pod.ready);
  assert.deepEqual(podInits(scene.root).sort(), ready.map(({ id }) => id).sort());
}

/** Pods under a root whose first process lives: its root directory lies in the pod's folder. */
function podInits(root: string): string[] {
  const place = new RegExp(`/${root.split("/").slice(-2).join("/")}/varve/pods/([0-9a-f]+)/init/root / `);
  return readdirSync("/proc").flatMap((pid) => {
    try {
      return place.exec(readFileSync(`/proc/${pid}/mountinfo`, "latin1"))?.[1] ?? [];
    } catch {
      return [];
    }
  });
}

async function stops(scene: CrashScene): Promise<void> {
  await scene.isRunning();
  await (await scene.daemon()).live.stop((await scene.record())?.ID ?? "");
  assert.deepEqual(await scene.outcome(), [3, prints.stop]);
}

async function isKilled(scene: CrashScene): Promise<void> {
  const { live } = await scene.daemon();
  if (await scene.isRunning()) await live.kill((await scene.record())?.ID ?? "");
  assert.deepEqual(await scene.outcome(), [137, prints.kill]);
}

/** Stopped or not yet, started again or not. */
async function stopsAndRuns(scene: CrashScene): Promise<void> {
  if (!(await scene.isRunning())) await scene.start();
  await scene.end();
  const [code, ...runs] = await scene.outcome();
  assert.deepEqual([code, ...runs], runs.length === 1 ? [7, prints.end] : [7, prints.stop, prints.end]);
}

/** Nobody knows what was asked for; it can be asked for again. */
async function isGoneOrDead(scene: CrashScene): Promise<void> {
  const isRunning = await scene.isRunning();
  const { Dead = false, RemovalInProgress = false } = (await scene.record())?.State ?? {};
  assert.deepEqual([RemovalInProgress, Dead && isRunning], [false, false]);
}
