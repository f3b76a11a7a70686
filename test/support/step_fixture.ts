/** Steps of builds that really run, on an image with busybox, in a data root of their own. */
import { randomBytes } from "node:crypto";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import type { RunStep } from "../../src/build/types.ts";
import { prepareMounts, type MountPlace } from "../../src/build/mounts/index.ts";
import { openWorkspace } from "../../src/build/workspace.ts";
import type { RunMount } from "../../src/dockerfile/index.ts";
import type { DriverName } from "../../src/driver/index.ts";
import { createStepRunner } from "../../src/engine/builds/runner.ts";
import { openEngine } from "../../src/engine/index.ts";
import { topChain } from "../../src/image/index.ts";
import { treeTar } from "../../src/layer/index.ts";
import type { ChainId } from "../../src/oci/index.ts";
import { cannotRun, ContainerFixture } from "../../src/runtime/container_fixture.ts";
import { withSession, type Session, type Store } from "../../src/store/index.ts";
import { entriesOf } from "../suites/driver_helpers.ts";
import { erofsSkip } from "../suites/erofs_skip.ts";
import { overlaySkip } from "../suites/overlay_skip.ts";
import { faultyDays, scratch } from "../suites/scratch.ts";

export const { signal } = new AbortController();

export interface StepOutcome {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
  /** `type path` of what the step's layer holds. */
  readonly layer: readonly string[];
}

export interface StepOptions extends Partial<RunStep> {
  /** What the step stands on; default: the image. */
  readonly below?: ChainId;
  readonly prepare?: readonly RunMount[];
  readonly place?: Partial<MountPlace>;
}

export interface Steps {
  readonly root: string;
  readonly store: Store;
  readonly session: Session;
  /** The image: busybox and a few directories. */
  readonly top: ChainId;
  /** What mounts need, with nothing to give. */
  place(parts?: Partial<MountPlace>): MountPlace;
  /** Runs a shell script, or words, from the first mount to the layer. */
  run(script: string | readonly string[], options?: StepOptions): Promise<StepOutcome>;
  /** What steps have left: mounts, bundles, control groups. Empty when all is as it should be. */
  traces(): string[];
}

/** Why steps cannot be run with that driver, or false. */
export function cannotStep(driver: DriverName): string | false {
  if (cannotRun !== false) return cannotRun;
  return driver === "overlay2" ? overlaySkip : driver === "erofs" ? erofsSkip("file") : false;
}

/** Runs one body for each of the drivers, in a root of its own. */
export function testSteps(
  title: string,
  body: (steps: Steps) => Promise<void>,
  drivers: readonly DriverName[] = faultyDays,
): void {
  for (const driver of drivers) {
    test(`${driver}: ${title}`, { skip: cannotStep(driver) }, () => withSteps(driver, body));
  }
}

async function withSteps(driver: DriverName, body: (steps: Steps) => Promise<void>): Promise<void> {
  using root = scratch("steps");
  const { store, top } = await makeBase(root.path, driver);
  await withSession(store, (session) => body(stepsOf(store, session, top)));
}

/** A root with one image: busybox with its applets. */
export async function makeBase(root: string, driver: DriverName): Promise<{ store: Store; top: ChainId }> {
  using base = await ContainerFixture.create();
  const engine = await openEngine({ root, driver });
  const image = await engine.images.import(treeTar(base.rootfs, { signal }), { signal });
  return { store: engine.store, top: topChain(image) as ChainId };
}

function stepsOf(store: Store, session: Session, top: ChainId): Steps {
  const runner = createStepRunner(store);
  const ids: string[] = [];
  const place = (parts: Partial<MountPlace> = {}): MountPlace => ({
    store,
    session,
    workingDir: "/",
    sources: async () => ({ top }),
    materialize: async () => Promise.reject(new Error("there is no context")),
    secrets: new Map(),
    ssh: new Map(),
    signal,
    ...parts,
  });
  return {
    root: store.root,
    store,
    session,
    top,
    place,
    run: async (script, { below = top, prepare = [], place: parts, ...overrides } = {}) => {
      await using prepared = await prepareMounts(prepare, place(parts));
      await using workspace = await openWorkspace(store, session, below, prepared.mounts);
      const printed = { stdout: "", stderr: "" };
      const step: RunStep = {
        ...newStep(workspace.path, typeof script === "string" ? ["sh", "-c", script] : script),
        mounts: prepared.mounts,
        env: ["PATH=/bin", ...prepared.env],
        onOutput: (stream, chunk) => void (printed[stream] += Buffer.from(chunk).toString()),
        ...overrides,
      };
      ids.push(step.id);
      const code = await runner.run(step);
      await workspace.unmount();
      return { code, ...printed, layer: await entriesOf(workspace.diff({ signal })) };
    },
    traces: () => tracesOf(store.root, ids),
  };
}

/** A step with nothing special. */
export function newStep(rootfs: string, args: readonly string[]): RunStep {
  return {
    id: randomBytes(32).toString("hex"),
    rootfs,
    args,
    env: ["PATH=/bin"],
    workingDir: "/",
    user: "",
    mounts: [],
    network: "default",
    security: "sandbox",
    addHosts: [],
    onOutput: () => undefined,
    signal,
  };
}

/** See {@link Steps.traces}; but for mounts of images, which stay for the next step. */
export function tracesOf(root: string, ids: readonly string[]): string[] {
  const mounts = readFileSync("/proc/self/mountinfo", "utf8")
    .split("\n")
    .flatMap((line) => line.split(" ")[4] ?? [])
    .filter((path) => path.startsWith(`${root}/`) && !path.endsWith(".image"));
  const folder = join(root, "varve/steps");
  const bundles = existsSync(folder) ? readdirSync(folder) : [];
  const groups = ids.flatMap((id) =>
    ["", "memory", "pids", "freezer", "unified"]
      .map((controller) => join("/sys/fs/cgroup", controller, `varve-${id}`))
      .filter((path) => existsSync(path)),
  );
  return [...mounts, ...bundles, ...groups];
}
