/** The daemon killed with -9 again and again under load: nothing is lost, nothing leaks. */
import assert from "node:assert/strict";
import { test, type TestContext } from "node:test";
import { testMachine } from "../suites/network_fixture.ts";
import { unlessAll } from "../suites/scratch.ts";
import { DaemonLoad, randomOf } from "../support/daemon_load.ts";
import { killableDaemon, tracesOf } from "../support/killable_daemon.ts";
import { openEngine } from "../../src/engine/index.ts";
import { collectGarbage } from "../../src/store/index.ts";
import { cannotLive } from "../support/live_machine.ts";
import { cannotConnect } from "../support/networked_daemon.ts";
import { bundle } from "./support.ts";

async function killUnderLoad(t: TestContext, kills: number): Promise<void> {
  const networks = cannotConnect === false;
  await using machine = networks ? await testMachine() : undefined;
  await using daemon = await killableDaemon([process.execPath, bundle]);
  const seed = Number(process.env["VARVE_SEED"] ?? Date.now() % 1_000_000);
  t.diagnostic(`VARVE_SEED=${seed}`);
  const before = tracesOf(daemon.root, []);
  const traces = machine?.traces();
  const load = new DaemonLoad(daemon, { seed, networks });
  await load.begin(2);
  const clients = [load.client(), load.client(), load.client()];
  const random = randomOf(seed + 1);
  for (let kill = 0; kill < kills; kill++) {
    const { promise, resolve } = Promise.withResolvers<void>();
    setTimeout(resolve, 50 + random() * 1450);
    await promise;
    await daemon.kill();
    await daemon.start();
  }
  load.stop();
  await Promise.all(clients);
  await load.settle();
  t.diagnostic(JSON.stringify(load.counts));
  assert.deepEqual(load.complaints, []);
  assert.equal(await daemon.terminate(), 0);
  const { store } = await openEngine({ root: daemon.root });
  await collectGarbage(store, { grace: 0 });
  assert.deepEqual(
    tracesOf(daemon.root, [...load.ids]),
    before.filter((line) => !/^process|locks\/daemon|^fifo varve\/events/.test(line)),
  );
  assert.equal(machine?.traces(), traces);
}

test("B183 killed under load, the daemon loses nothing and leaks nothing", { skip: cannotLive }, (t) =>
  killUnderLoad(t, 8),
);

test("B183 killed a hundred times under load", { skip: cannotLive || unlessAll }, (t) =>
  killUnderLoad(t, 100),
);
