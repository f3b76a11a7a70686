/**
 * A daemon that is killed at a step of what it does, at each one with VARVE_LIVE=all: the next one finds what runs, knows how
 * the rest has ended, has each line of each log once, and leaves nothing of a container that is removed.
 */
import assert from "node:assert/strict";
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { after, before, suite, test } from "node:test";
import { prints } from "../../test/support/crash_container.ts";
import type { Order } from "../../test/support/crash_program.ts";
import { CrashScene } from "../../test/support/crash_scene.ts";
import { cannotLive } from "../../test/support/live_machine.ts";
import { cannotConnect } from "../../test/support/networked_daemon.ts";
import { testMachine } from "../../test/suites/network_fixture.ts";
import { scratch, unlessAll } from "../../test/suites/scratch.ts";
import { Daemon } from "./daemon.ts";

interface Crash extends Pick<Order, "act" | "parts"> {
  /** Those at which it is killed without VARVE_LIVE=all: each of another kind. */
  readonly some?: readonly number[];
  /** Brings it about that the act can be done. */
  readonly first?: (scene: CrashScene) => Promise<unknown>;
  /** What the next daemon makes of it. */
  readonly expect: (scene: CrashScene) => Promise<void>;
}

/** It comes to its end. */
const noStep = Number.MAX_SAFE_INTEGER;
const onFailure = { hostConfig: { RestartPolicy: { Name: "on-failure", MaximumRetryCount: 1 } } };
const autoRemove = { hostConfig: { AutoRemove: true } };
const volume = { config: { Volumes: { "/etc": {} } } };
const left = (scene: CrashScene) => scene.killedAt({ act: "run", step: noStep });

const crashes: Record<string, Crash> = {
  create: { act: "create", parts: volume, some: [46], expect: isWholeOrNot },
  start: { act: "start", some: [34], expect: runsOrCanBeStarted },
  "a start with --rm": { act: "start", parts: autoRemove, expect: isGoneOrRuns },
  "an end": { act: "end", expect: endsOnce },
  "an end and a restart": { act: "end", parts: onFailure, some: [70], expect: runsTwice },
  "an end with --rm": { act: "end", parts: autoRemove, expect: isGoneOrRuns },
  stop: { act: "stop", expect: stops },
  kill: { act: "kill", expect: isKilled },
  restart: { act: "restart", expect: stopsAndRuns },
  pause: { act: "pause", expect: endsOnce },
  unpause: { act: "unpause", expect: endsOnce },
  exec: { act: "exec", expect: endsOnce },
  update: { act: "update", expect: endsOnce },
  rename: { act: "rename", expect: endsOnce },
  commit: { act: "commit", expect: endsOnce },
  remove: { act: "remove", parts: volume, expect: isGoneOrDead },
  "remove -f": { act: "remove -f", parts: volume, some: [70], expect: isGoneOrDead },
  "processes of a pod that are to be shared": { act: "share pids", some: [28, 30], expect: sharesOrIsGone },
  "the removal of a pod": { act: "remove pod", some: [9], expect: sharesOrIsGone },
  "another daemon's beginning": { act: "restore", first: left, expect: endsOnce },
  "another daemon's beginning, after an end": {
    act: "restore",
    first: async (scene) => {
      await left(scene);
      await scene.endUnseen();
    },
    expect: endsOnce,
  },
};

const bridge = { hostConfig: { NetworkMode: "bridge" } };
const bridged: Record<string, Crash> = {
  "a start on a bridge": { act: "start", parts: bridge, expect: runsOrCanBeStarted },
  "an end on a bridge": { act: "end", parts: bridge, expect: endsOnce },
  "remove -f on a bridge": { act: "remove -f", parts: bridge, expect: isGoneOrDead },
};

function crashSuite(
  title: string,
  skip: string | false,
  ways: Readonly<Record<string, Crash>>,
  make: () => Promise<CrashScene>,
): void {
  suite(title, { skip }, () => {
    let scene: CrashScene;
    let clean: string[] | undefined;
    before(async () => {
      scene = await make();
      // What is there when it has all been done once.
      const whole = Object.values(ways).filter(({ act }) => unlessAll === false || act === "remove -f");
      for (const way of whole) await crash({ ...way, expect: async () => undefined }, noStep);
      clean = scene.left();
    });
    after(() => scene[Symbol.asyncDispose]());

    /** @returns the step; undefined: there are no more */
    async function crash({ act, parts, first, expect }: Crash, step: number): Promise<string | undefined> {
      await first?.(scene);
      const at = await scene.killedAt({ act, step, ...(parts !== undefined && { parts }) });
      try {
        await expect(scene);
        await scene.tidy();
        if (clean !== undefined) assert.deepEqual(scene.left(), clean);
      } catch (cause) {
        throw new Error(`killed at step ${step} (${at}): ${(cause as Error).message}`, { cause });
      }
      return at;
    }

    for (const [name, way] of Object.entries(ways)) {
      const { some } = way;
      test(`in the middle of ${name}`, { skip: some === undefined && unlessAll }, async (t) => {
        for (const step of unlessAll === false ? everyStep() : (some ?? [])) {
          const at = await crash(way, step);
          t.diagnostic(`${step}: ${at ?? "the end"}`);
          if (at === undefined) return;
        }
      });
    }
  });
}

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

function* everyStep(): Generator<number> {
  for (let step = 1; ; step++) yield step;
}

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
  // Behind its end.
  while ((await scene.record()) !== undefined) await new Promise(setImmediate);
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
  const place = new RegExp(`/${basename(root)}/varve/pods/([0-9a-f]+)/init/root / `);
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
