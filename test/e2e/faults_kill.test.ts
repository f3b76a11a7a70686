/** kill -9 at moments of `pull`, `load`, `import`, `commit` and `rmi` (behaviours B118, B136). */
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { writeFileSync } from "node:fs";
import { test, type TestContext } from "node:test";
import { openEngine } from "../../src/engine/index.ts";
import { overlaySkip } from "../suites/overlay_skip.ts";
import { unlessRoot } from "../suites/scratch.ts";
import { hostileImage } from "../fixtures/hostile/hostile_image.ts";
import { hostileRegistry } from "../fixtures/hostile/hostile_registry.ts";
import { footprint, World } from "../fixtures/hostile/world.ts";
import { assertReturned, assertWhole, isHeld, listed, randomLayers } from "./faults_support.ts";
import { varveOn, type Program } from "./support.ts";

const MiB = 1 << 20;
const skip = unlessRoot || overlaySkip;

interface Act {
  /** Makes a name of its own for each run; resolves to the command line. */
  prepare(run: number): Promise<string[]>;
  /** Takes back what a run that was not killed in time has made. */
  undo(run: number): Promise<unknown>;
}

/** Shares of the time that the command takes undisturbed: starting up is the first third of it. */
const moments = [
  [0.4, "SIGKILL"],
  [0.6, "SIGKILL"],
  [0.7, "SIGINT"],
  [0.9, "SIGKILL"],
] as const;

/** Ends the program after so many milliseconds; resolves to its exit code, null if it was killed. */
async function endAfter(child: ChildProcess, delay: number, signal: NodeJS.Signals): Promise<number | null> {
  const timer = setTimeout(() => child.kill(signal), delay);
  const [code] = (await once(child, "close")) as [number | null];
  clearTimeout(timer);
  return code;
}

/** Runs the command once to its end, for its time, then again and again to be killed. */
async function killAtMoments(t: TestContext, varve: Program, root: string, act: Act): Promise<void> {
  const before = footprint(root);
  const visible = await listed(await openEngine({ root, driver: "overlay2" }));
  const first = await act.prepare(0);
  const started = performance.now();
  await varve(...first);
  const duration = performance.now() - started;
  const made = await listed(await openEngine({ root, driver: "overlay2" }));
  await act.undo(0);
  for (const [index, [moment, signal]] of moments.entries()) {
    const args = await act.prepare(index + 1);
    const code = await endAfter(varve.start(args), moment * duration, signal);
    t.diagnostic(`${args[0]}: ${signal} at ${Math.round(moment * duration)} ms: ${code ?? "killed"}`);
    assert.ok([null, 0, 130].includes(code), `${args.join(" ")} ended with ${code}`);
    const found = await openEngine({ root, driver: "overlay2" }).then(listed);
    // Nothing yet, or all of it: a name without its image, or an image without its name, is neither.
    if (found.length > visible.length) assert.equal(found.length, made.length, found.join("\n"));
    else assert.deepEqual(found, visible);
    // Whoever is asked to stop cleans up by himself.
    if (code === 130 && found.length === visible.length)
      assert.deepEqual(footprint(root).filter(isHeld), before.filter(isHeld));
    await assertWhole(root, "overlay2", found);
    if (found.length > visible.length) await act.undo(index + 1);
    await assertReturned(root, "overlay2", before);
  }
}

test("B118 B136 killed at any moment: whole or not there, and gc returns the space", { skip }, async (t) => {
  using world = new World();
  await using registry = await hostileRegistry();
  const varve = varveOn(world.root, "overlay2");
  await varve("pull", "-q", await registry.publish("base", hostileImage(randomLayers(1000))));
  const base = `${registry.address}/base:1`;
  const rmi = (name: string): Promise<string> => varve("rmi", name);

  await t.test("pull", (t) =>
    killAtMoments(t, varve, world.root, {
      prepare: async (run) => [
        "pull",
        "-q",
        await registry.publish(`p${run}`, hostileImage(randomLayers(MiB, MiB))),
      ],
      undo: (run) => rmi(`${registry.address}/p${run}:1`),
    }),
  );
  await t.test("load", async (t) => {
    const other = varveOn(world.path("other"), "overlay2");
    await killAtMoments(t, varve, world.root, {
      prepare: async (run) => {
        const name = await registry.publish(`l${run}`, hostileImage(randomLayers(MiB, MiB)));
        await other("pull", "-q", name);
        await other("save", "-o", world.path("archive"), name);
        return ["load", "-q", "-i", world.path("archive")];
      },
      undo: (run) => rmi(`${registry.address}/l${run}:1`),
    });
  });
  await t.test("import", (t) =>
    killAtMoments(t, varve, world.root, {
      prepare: async (run) => {
        writeFileSync(world.path("tar"), randomLayers(2 * MiB)[0]?.tar as Uint8Array);
        return ["import", world.path("tar"), `imported:${run}`];
      },
      undo: (run) => rmi(`imported:${run}`),
    }),
  );
  await t.test("commit", async (t) => {
    await varve("create", "--name", "work", base, "x");
    writeFileSync(world.path("file"), randomBytes(2 * MiB));
    await varve("cp", world.path("file"), "work:/added");
    await killAtMoments(t, varve, world.root, {
      prepare: async (run) => ["commit", "work", `committed:${run}`],
      undo: (run) => rmi(`committed:${run}`),
    });
    await varve("rm", "work");
  });
});

test(
  "B118 B136 rmi killed at any moment: the image is there or gone, and gc returns the space",
  { skip },
  async (t) => {
    using world = new World();
    await using registry = await hostileRegistry();
    const varve = varveOn(world.root, "overlay2");
    const pull = async (run: number): Promise<string> => {
      const name = await registry.publish(`r${run}`, hostileImage(randomLayers(MiB, MiB)));
      await varve("pull", "-q", name);
      return name;
    };
    await varve("rmi", await pull(-2));
    const empty = footprint(world.root);
    const name = await pull(-1);
    const started = performance.now();
    await varve("rmi", name);
    const duration = performance.now() - started;
    for (const [run, [moment, signal]] of moments.entries()) {
      const image = await pull(run);
      const [before] = await openEngine({ root: world.root, driver: "overlay2" }).then(listed);
      const code = await endAfter(varve.start(["rmi", image]), moment * duration, signal);
      t.diagnostic(`rmi: ${signal} at ${Math.round(moment * duration)} ms: ${code ?? "killed"}`);
      const engine = await openEngine({ root: world.root, driver: "overlay2" });
      const found = await engine.images.list({ all: true });
      // Names go first, so it may be there without any; then it is removed by its ID.
      assert.ok(found.length <= 1 && found.every(({ id }) => before?.startsWith(id)), JSON.stringify(found));
      await assertWhole(world.root, "overlay2", await listed(engine));
      for (const { id } of found) await varve("rmi", id);
      await assertReturned(world.root, "overlay2", empty);
    }
  },
);
