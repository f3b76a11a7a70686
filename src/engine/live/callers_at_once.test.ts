/** Callers at once, who know nothing of each other: on one container, and on a few that end by themselves again and again. */
import assert from "node:assert/strict";
import { after, before, suite, test } from "node:test";
import * as fc from "fast-check";
import { cannotLive, liveMachine, type LiveMachine } from "../../../test/support/live_machine.ts";
import { isFailure } from "../../errors.ts";
import { whileSupervising } from "../containers/supervision.ts";
import { isAlive } from "../containers/state.ts";
import { LiveContainers } from "./live_containers.ts";

const waiting = "while :; do sleep 0.05; done";
const scripts = ["exit 1", "sleep 0.1; exit 1", "trap 'exit 0' TERM; while :; do sleep 0.05; done"];
const policies = ["always", "on-failure", "no"];

const actions = {
  start: (live, id) => live.start(id),
  stop: (live, id) => live.stop(id, { timeout: 1 }),
  restart: (live, id) => live.restart(id, { timeout: 1 }),
  kill: (live, id) => live.kill(id),
  ask: (live, id) => live.kill(id, "TERM"),
  pause: (live, id) => live.pause(id),
  unpause: (live, id) => live.unpause(id),
  standStill: (live, id) => live.whilePaused(id, () => live.find(id)),
  exec: async (live, id) => live.execs.start(await live.execs.create(id, { Cmd: ["true"] })),
  update: (live, id) => live.update(id, { Memory: 64 << 20, MemorySwap: -1 }),
  top: (live, id) => live.top(id, ""),
  remove: (live, id) => live.remove(id),
} satisfies Record<string, (live: LiveContainers, id: string) => Promise<unknown>>;

const action = fc.constantFrom(...(Object.keys(actions) as (keyof typeof actions)[]));

suite("callers at once", { skip: cannotLive }, () => {
  let host: LiveMachine;
  before(async () => void (host = await liveMachine()));
  after(() => host[Symbol.dispose]());

  for (const seed of [1, 2]) {
    test(`each is answered, records say what is, nothing is left: seed ${seed}`, async () => {
      const warnings: string[] = [];
      await using live = new LiveContainers({
        store: host.engine.store,
        warn: (text) => void warnings.push(text),
      });
      const told = new Map<string, string[]>();
      const listening = live.events.listen(({ Action, Actor }) => {
        if (Action === "start" || Action === "die")
          told.set(Actor.ID, [...(told.get(Actor.ID) ?? []), Action]);
      });
      const ids = await Promise.all(scripts.map((script, at) => make(script, policies[at] as string)));
      const call = async (name: keyof typeof actions, id: string): Promise<void> => {
        const why = await actions[name](live, id).then(
          () => undefined,
          (error: unknown) => error,
        );
        const isRefused = isFailure(why, "conflict") || isFailure(why, "not-found");
        assert.ok(why === undefined || isRefused, `${name}: ${String(why)}`);
      };
      const callers = [1, 2, 3, 4].map(async (caller) => {
        const asked = fc.tuple(action, fc.constantFrom(...ids));
        for (const [name, id] of fc.sample(asked, { seed: seed * 10 + caller, numRuns: 40 }))
          await call(name, id);
      });
      await Promise.all(callers);
      for (const id of ids) await call("stop", id);
      for (const id of ids) {
        const record = await live.find(id).catch(() => undefined);
        if (record !== undefined) assert.deepEqual([record.State.Running, isAlive(record)], [false, false]);
        await live
          .remove(id, { force: true })
          .catch((error: unknown) => assert.ok(isFailure(error, "not-found")));
        const steps = told.get(id) ?? [];
        assert.deepEqual(
          steps,
          steps.map((_, at) => (at % 2 === 0 ? "start" : "die")),
        );
        assert.equal(steps.length % 2, 0);
      }
      listening[Symbol.dispose]();
      assert.deepEqual([host.leftovers(), warnings], [[], []]);
    });
  }

  test("several who start one container at once see it run", async () => {
    await using live = host.supervisor();
    const { ID } = await host.create(waiting);
    let starts = 0;
    const listening = live.events.listen(({ Action }) => void (Action === "start" && starts++));
    await Promise.all([1, 2, 3].map(() => live.start(ID)));
    await Promise.all([live.restart(ID, { timeout: 0 }), live.start(ID), live.start(ID)]);
    listening[Symbol.dispose]();
    assert.equal(host.record(ID).State.Running, true);
    assert.ok(starts <= 2, `${starts} starts`);
    await live.remove(ID, { force: true });
  });

  test("several who remove one container at once all see it gone", async () => {
    await using live = host.supervisor();
    const { ID } = await host.create(waiting);
    await live.start(ID);
    await Promise.all([1, 2, 3].map(() => live.remove(ID, { force: true })));
    await assert.rejects(live.find(ID), { kind: "not-found" });
  });

  test("pauses at once: one pauses it; what is to end it makes it go on", async () => {
    await using live = host.supervisor();
    const { ID } = await host.create("trap 'exit 4' TERM; while :; do sleep 0.05; done");
    await live.start(ID);
    const paused = await Promise.allSettled([1, 2, 3].map(() => live.pause(ID)));
    const refused = paused.filter((result) => result.status === "rejected");
    const why = refused.map(({ reason }) => (reason as Error).message);
    assert.deepEqual(why, Array(2).fill(`Container ${ID} is already paused`));
    await live.stop(ID, { timeout: 100 });
    assert.equal(host.record(ID).State.ExitCode, 4);
    await live.remove(ID);
  });

  test("work while a container stands still: others see it so; one that does not run, or is made to end, is no hindrance", async () => {
    await using live = host.supervisor();
    const { ID } = await host.create("trap 'exit 4' TERM; while :; do sleep 0.05; done");
    const work = async (): Promise<boolean> => host.record(ID).State.Paused;
    assert.equal(await live.whilePaused(ID, work), false);
    await live.start(ID);
    const exec = await live.execs.create(ID, { Cmd: ["true"] });
    const refused = live.whilePaused(ID, async () => {
      await assert.rejects(live.pause(ID), { kind: "conflict", message: /is already paused$/ });
      await assert.rejects(live.execs.start(exec), { kind: "conflict", message: /is paused, unpause/ });
      assert.equal(await live.whilePaused(ID, work), true);
      throw new Error("refused");
    });
    await assert.rejects(refused, { message: "refused" });
    assert.equal(host.record(ID).State.Paused, false);
    await live.whilePaused(ID, () => live.stop(ID, { timeout: 100 }));
    assert.equal(host.record(ID).State.ExitCode, 4);
    await live.remove(ID);
    await assert.rejects(live.whilePaused(ID, work), { code: "ENOENT" });
  });

  test("a removal that goes on is waited for: nobody starts the container before, nor is it removed twice", async () => {
    await using live = host.supervisor();
    const destroyed: string[] = [];
    const listening = live.events.listen(({ Action, Actor }) => {
      if (Action === "destroy") destroyed.push(Actor.ID);
    });
    const { ID } = await host.create(waiting);
    const held = Promise.withResolvers<void>();
    const holding = whileSupervising(host.engine.store, ID, () => held.promise);
    const removed = [live.remove(ID), live.remove(ID, { force: true })];
    // As far as they come by themselves.
    for (let turn = 0; turn < 100; turn++) await new Promise(setImmediate);
    const started = assert.rejects(live.start(ID), { kind: "not-found" });
    held.resolve();
    await Promise.all([holding, started, ...removed]);
    assert.deepEqual([destroyed, host.leftovers()], [[ID], []]);
    listening[Symbol.dispose]();
  });

  async function make(script: string, Name: string): Promise<string> {
    const hostConfig = { RestartPolicy: { Name, MaximumRetryCount: 0 } };
    return (await host.create(script, { hostConfig })).ID;
  }
});
