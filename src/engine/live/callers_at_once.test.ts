/** Many callers at once, who know nothing of each other, on a few containers that end by themselves again and again. */
import assert from "node:assert/strict";
import { after, before, suite, test } from "node:test";
import * as fc from "fast-check";
import { cannotLive, liveMachine, type LiveMachine } from "../../../test/support/live_machine.ts";
import { isFailure } from "../../errors.ts";
import { isAlive } from "../containers/state.ts";
import { LiveContainers } from "./live_containers.ts";

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

  async function make(script: string, Name: string): Promise<string> {
    const hostConfig = { RestartPolicy: { Name, MaximumRetryCount: 0 } };
    return (await host.create(script, { hostConfig })).ID;
  }
});
