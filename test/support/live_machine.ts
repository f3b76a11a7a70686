/** An engine with a small image on a root of its own, and supervisors for its containers, for tests. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { ContainerRecord } from "../../src/engine/index.ts";
import { LiveContainers } from "../../src/engine/live/live_containers.ts";
import { treeTar } from "../../src/layer/index.ts";
import { cannotRun, ContainerFixture } from "../../src/runtime/container_fixture.ts";
import type { StoredImage } from "../../src/store/index.ts";
import { mountInfo, unmount } from "../../src/sys/index.ts";
import { overlaySkip } from "../suites/overlay_skip.ts";
import {
  engineFixture,
  makeContainer,
  named,
  signal,
  type EngineFixture,
  type MadeContainer,
} from "./engine_fixture.ts";

/** Why containers cannot live on here, or false. */
export const cannotLive: string | false = cannotRun || overlaySkip;

export interface LiveMachine extends EngineFixture {
  readonly image: StoredImage;
  /** A container that runs a script of `sh`. */
  create(script: string, parts?: MadeContainer): Promise<ContainerRecord>;
  /** Fails the test for what goes wrong behind nobody's call. */
  supervisor(): LiveContainers;
  record(id: string): ContainerRecord;
  /** Left behind: bundles of runs, mounts. */
  leftovers(): string[];
}

export async function liveMachine(): Promise<LiveMachine> {
  const fixture = await engineFixture("overlay2");
  const { engine, root } = fixture;
  const image = await importBase(fixture);
  return {
    ...fixture,
    image,
    create: (script, parts = {}) =>
      makeContainer(fixture, image, { ...parts, config: { Cmd: ["sh", "-c", script], ...parts.config } }),
    supervisor: () => new LiveContainers({ store: engine.store, warn: (text) => assert.fail(text) }),
    record: (id) =>
      JSON.parse(readFileSync(join(root, "containers", id, "config.v2.json"), "utf8")) as ContainerRecord,
    leftovers: () => leftoversOf(root),
    [Symbol.dispose]: () => {
      endAll(root);
      fixture[Symbol.dispose]();
    },
  };
}

/** Makes `base:1` of a busybox. */
export async function importBase({ engine }: Pick<EngineFixture, "engine">): Promise<StoredImage> {
  using base = await ContainerFixture.create();
  return await engine.images.import(treeTar(base.rootfs, { signal }), { signal, name: named("base:1") });
}

function leftoversOf(root: string): string[] {
  const mounts = readFileSync("/proc/self/mountinfo", "utf8")
    .split("\n")
    .filter((line) => line.includes(`${root}/overlay2`));
  const run = join(root, "varve/run");
  return [...mounts, ...(existsSync(run) ? readdirSync(run) : [])];
}

/** Whatever a test that failed has left: containers, shims, mounts. */
export function endAll(root: string): void {
  if (leftoversOf(root).length === 0) return;
  const run = join(root, "varve/run");
  for (const id of existsSync(run) ? readdirSync(run) : []) {
    spawnSync("runc", ["--root", join(run, id, "runc/varve"), "delete", "--force", id]);
  }
  spawnSync("pkill", ["-9", "-f", `address ${root}/`]);
  for (const { mountPoint } of mountInfo()) {
    if (mountPoint.startsWith(`${root}/`)) unmount(mountPoint, { detach: true });
  }
}
