/** Health checks: their arithmetic, and in a real container. */
import assert from "node:assert/strict";
import { after, before, suite, test } from "node:test";
import { cannotLive, liveMachine, type LiveMachine } from "../../../../test/support/live_machine.ts";
import type { LiveContainers } from "../live_containers.ts";
import { healthcheckOf, nextCheck } from "./healthcheck.ts";
import { goDuration } from "./health_monitor.ts";
import {
  afterCheck,
  endedHealth,
  startingHealth,
  type HealthResult,
  type HealthState,
} from "./health_state.ts";
import { ProbeOutput } from "./probe_output.ts";

const milliseconds = (count: number): number => count * 1_000_000;

test("a healthcheck's commands and defaults", () => {
  const of = (Test: string[], more: object = {}) => healthcheckOf({ Healthcheck: { Test, ...more } });
  assert.equal(healthcheckOf({}), undefined);
  assert.equal(of(["NONE"]), undefined);
  assert.equal(of([]), undefined);
  assert.deepEqual(of(["CMD", "a", "b"]), {
    command: ["a", "b"],
    interval: 30_000,
    timeout: 30_000,
    startPeriod: 0,
    startInterval: 5000,
    retries: 3,
  });
  assert.deepEqual(of(["CMD-SHELL", "a b"])?.command, ["/bin/sh", "-c", "a b"]);
  assert.equal(of(["CMD", "a"], { Interval: milliseconds(1500), Retries: 7 })?.interval, 1500);
  const shell = healthcheckOf({ Shell: ["/bin/ash", "-c"], Healthcheck: { Test: ["CMD-SHELL", "x"] } });
  assert.deepEqual(shell?.command, ["/bin/ash", "-c", "x"]);
});

test("in the start period checks come at the start interval, and the first behind it on time", () => {
  const check = {
    command: [],
    interval: 30_000,
    timeout: 1,
    startPeriod: 60_000,
    startInterval: 2000,
    retries: 3,
  };
  assert.equal(nextCheck(check, 0, true), 2000);
  assert.equal(nextCheck(check, 0, false), 30_000);
  assert.equal(nextCheck(check, 59_000, true), 1000);
  assert.equal(nextCheck(check, 50_000, false), 10_000);
  assert.equal(nextCheck(check, 60_000, true), 30_000);
});

test("so many failures in a row make unhealthy, one success healthy; the start period forgives", () => {
  const check = { command: [], interval: 1, timeout: 1, startPeriod: 100, startInterval: 1, retries: 2 };
  const result = (ExitCode: number, Output = ""): HealthResult => ({ Start: "", End: "", ExitCode, Output });
  const states: [string, number][] = [];
  let state: HealthState = startingHealth(null);
  for (const [code, age] of [
    [1, 50],
    [1, 150],
    [1, 160],
    [0, 170],
    [2, 180],
  ] as const) {
    state = afterCheck(state, result(code), check, age);
    states.push([state.Status, state.FailingStreak]);
  }
  assert.deepEqual(states, [
    ["starting", 0],
    ["starting", 1],
    ["unhealthy", 2],
    ["healthy", 0],
    ["healthy", 1],
  ]);
  for (let index = 0; index < 9; index++) state = afterCheck(state, result(0, String(index)), check, 200);
  assert.deepEqual(
    state.Log.map(({ Output }) => Output),
    ["4", "5", "6", "7", "8"],
  );
  assert.equal(endedHealth(state).Status, "unhealthy");
  assert.deepEqual(startingHealth(state), { ...state, Status: "starting", FailingStreak: 0 });
});

test("of a check's output 4096 bytes are kept", async () => {
  const output = new ProbeOutput();
  output.write("x".repeat(4000));
  assert.equal(output.text, "x".repeat(4000));
  output.write("y".repeat(100));
  output.write("z");
  assert.equal(output.text, `${"x".repeat(4000)}${"y".repeat(96)}...`);
});

test("durations as Go prints them", () => {
  assert.deepEqual([250, 1000, 1500, 90_000, 3_600_000].map(goDuration), [
    "250ms",
    "1s",
    "1.5s",
    "1m30s",
    "1h0m0s",
  ]);
});

suite("a container with a health check", { skip: cannotLive }, () => {
  let host: LiveMachine;
  before(async () => void (host = await liveMachine()));
  after(() => host[Symbol.dispose]());

  function told(live: LiveContainers, status: string): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const listening = live.events.listen(({ Action }) => {
      if (Action !== `health_status: ${status}`) return;
      listening[Symbol.dispose]();
      resolve();
    });
    return promise;
  }

  const health = (id: string): HealthState => host.record(id).State.Health as HealthState;

  test("B178 tells when it is well, when it is not, and goes on under the next supervisor", async () => {
    const { ID } = await host.create("trap 'exit 0' TERM; while :; do sleep 0.1; done", {
      config: {
        Healthcheck: {
          Test: ["CMD-SHELL", "echo looked; test ! -f /ill"],
          Interval: milliseconds(20),
          Retries: 2,
        },
      },
    });
    {
      await using live = host.supervisor();
      const healthy = told(live, "healthy");
      await live.start(ID);
      await healthy;
      assert.deepEqual([health(ID).Status, health(ID).FailingStreak], ["healthy", 0]);
      assert.deepEqual([health(ID).Log.at(-1)?.ExitCode, health(ID).Log.at(-1)?.Output], [0, "looked\n"]);
      await live.pause(ID);
      assert.equal(health(ID).Status, "unhealthy");
      const again = told(live, "healthy");
      await live.unpause(ID);
      await again;
    }
    assert.equal(health(ID).Status, "healthy");
    await using live = host.supervisor();
    const ill = told(live, "unhealthy");
    await live.restore();
    const id = await live.execs.create(ID, { Cmd: ["touch", "/ill"] });
    await live.execs.start(id);
    await ill;
    assert.deepEqual([health(ID).Status, health(ID).Log.at(-1)?.ExitCode], ["unhealthy", 1]);
    assert.equal(health(ID).FailingStreak >= 2, true);
    await live.remove(ID, { force: true });
    assert.deepEqual(host.leftovers(), []);
  });

  test("B178 a check that takes too long is ended and counts as a failure", async () => {
    await using live = host.supervisor();
    const { ID } = await host.create("sleep 1000", {
      config: {
        Healthcheck: {
          Test: ["CMD", "sh", "-c", "echo slow; sleep 1000"],
          Interval: milliseconds(10),
          Timeout: milliseconds(100),
          Retries: 1,
        },
      },
    });
    const ill = told(live, "unhealthy");
    await live.start(ID);
    await ill;
    const [result] = health(ID).Log;
    assert.equal(result?.ExitCode, -1);
    assert.match(result?.Output ?? "", /^Health check exceeded timeout \(100ms\)/);
    await live.remove(ID, { force: true });
  });
});
