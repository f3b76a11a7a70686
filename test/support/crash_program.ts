/**
 * A daemon without an API that does one thing, and may be killed in the middle of it. Waits for its order on the standard
 * input; says on its standard output at which step it was killed.
 */
import { killAtStep } from "./kill_at_step.ts";
import { writeFileSync } from "node:fs";
import { createInterface } from "node:readline/promises";
import { Daemon } from "../../src/engine/daemon.ts";
import { createTalker, hasPrinted } from "./crash_container.ts";
import { named, signal, type MadeContainer } from "./engine_fixture.ts";

export interface Order {
  readonly root: string;
  readonly act: Act;
  /** Of the step that does not happen any more, from 1. */
  readonly step: number;
  /** Of the container. */
  readonly parts?: MadeContainer;
}

interface Scene {
  readonly daemon: Daemon;
  readonly parts: MadeContainer | undefined;
  readonly id: string;
}

/** What the container has to be before. @returns its ID */
const states = {
  anything: async () => "",
  created: ({ daemon, parts }) => createTalker(daemon, parts),
  running,
  paused: async (scene) => {
    const id = await running(scene);
    await scene.daemon.live.pause(id);
    return id;
  },
  /** A pod, whose containers share their processes. */
  pod: async (scene) => {
    const id = await makePod(scene);
    await scene.daemon.pods.sharePids(id, "");
    return id;
  },
  ended: async (scene) => {
    const id = await running(scene);
    await scene.daemon.live.kill(id);
    return id;
  },
} satisfies Record<string, (scene: Omit<Scene, "id">) => Promise<string>>;

interface Deed {
  readonly before: keyof typeof states;
  readonly work: (scene: Scene) => Promise<void>;
}

const acts = {
  /** To be taken over by another. */
  run: { before: "running", work: async () => undefined },
  restore: { before: "anything", work: async () => undefined },
  create: {
    before: "anything",
    work: async ({ daemon, parts }) => void (await createTalker(daemon, parts)),
  },
  start: { before: "created", work: ({ daemon, id }) => daemon.live.start(id) },
  end: { before: "running", work: end },
  stop: { before: "running", work: ({ daemon, id }) => daemon.live.stop(id) },
  kill: { before: "running", work: ({ daemon, id }) => daemon.live.kill(id) },
  restart: { before: "running", work: ({ daemon, id }) => daemon.live.restart(id) },
  pause: { before: "running", work: ({ daemon, id }) => daemon.live.pause(id) },
  unpause: { before: "paused", work: ({ daemon, id }) => daemon.live.unpause(id) },
  exec: { before: "running", work: exec },
  remove: { before: "ended", work: remove },
  "remove -f": { before: "running", work: remove },
  rename: {
    before: "running",
    work: ({ daemon, id }) => daemon.engine.containers.rename(id, "new").then(() => undefined),
  },
  "share pids": {
    before: "anything",
    work: async (scene) => scene.daemon.pods.sharePids(await makePod(scene), ""),
  },
  "remove pod": { before: "pod", work: ({ daemon, id }) => daemon.pods.remove(id) },
  update: {
    before: "running",
    work: ({ daemon, id }) => daemon.live.update(id, { CpuShares: 512 }).then(() => undefined),
  },
  commit: {
    before: "running",
    work: ({ daemon, id }) =>
      daemon.engine.containers.commit(id, { name: named("made:1"), signal }).then(() => undefined),
  },
} satisfies Record<string, Deed>;

export type Act = keyof typeof acts;

async function makePod({ daemon }: Omit<Scene, "id">): Promise<string> {
  const dns = { servers: [], search: [], options: [] };
  return (await daemon.pods.create({ network: "none", hostname: "pod", ports: {}, dns, data: {} })).id;
}

async function running({ daemon, parts }: Omit<Scene, "id">): Promise<string> {
  const id = await createTalker(daemon, parts);
  await daemon.live.start(id);
  await hasPrinted(daemon.engine.store.root, id);
  return id;
}

/** Has it end, as often as it is started again. */
async function end({ daemon: { live }, id }: Scene): Promise<void> {
  const { State } = await live.find(id);
  writeFileSync(`/proc/${State.Pid}/root/go`, "");
  for (;;) {
    const record = await live.find(id).catch(() => undefined);
    if (record?.State.Running !== true) return;
    await new Promise(setImmediate);
  }
}

async function exec({ daemon: { live }, id }: Scene): Promise<void> {
  const made = await live.execs.create(id, { Cmd: ["sh", "-c", "echo from exec"], AttachStdout: true });
  await live.execs.start(made);
  while (live.execs.inspect(made).Running) await new Promise(setImmediate);
}

function remove({ daemon, id }: Scene): Promise<void> {
  return daemon.live.remove(id, { force: true, volumes: true });
}

async function perform({ root, act, step, parts }: Order): Promise<void> {
  const { before, work } = acts[act];
  if (act === "restore") killAtStep(step);
  const daemon = await Daemon.open({ root, driver: "overlay2", warn: (text) => console.error(text) });
  const id = await states[before]({ daemon, parts });
  if (act !== "restore") killAtStep(step);
  await work({ daemon, parts, id });
  await daemon[Symbol.asyncDispose]();
  process.exit(0);
}

// All is read and compiled before it is told what to do.
await import("../../src/engine/containers/settle.ts");
for await (const line of createInterface({ input: process.stdin })) await perform(JSON.parse(line) as Order);
