import assert from "node:assert/strict";
import { test } from "node:test";
import { BuildsUnderWay } from "./builds_under_way.ts";
import { SolveRequest } from "./control_messages.ts";

const never = new AbortController().signal;
const asked = (ref: string, signal = never) => ({
  request: SolveRequest.decode(SolveRequest.encode({ ref })),
  signal,
});

test("a build is found by those who came before it and by those who come late; its name is its own", async () => {
  const builds = new BuildsUnderWay();
  const early = builds.get("a", never);
  const build = builds.begin(asked("a"));
  assert.equal(await early, build);
  assert.throws(() => builds.begin(asked("a")), { kind: "conflict", message: "job ID a exists" });
  await build.end();
  assert.equal(await builds.get("a", never), build);
  for (const ref of ["", "x".repeat(300)]) assert.throws(() => builds.begin(asked(ref)), { kind: "invalid" });
});

test("who waits for a build that never begins is told so, and may give up", async () => {
  const builds = new BuildsUnderWay({ patience: 1 });
  await assert.rejects(builds.get("a", never), { kind: "not-found", message: "no such job a" });
  const patient = new BuildsUnderWay({ patience: 1_000_000 });
  await assert.rejects(patient.get("a", AbortSignal.abort()), { kind: "cancelled" });
  const leaving = new AbortController();
  const waiting = patient.get("a", leaving.signal);
  leaving.abort();
  await assert.rejects(waiting, { kind: "cancelled" });
});

test("builds that are over are forgotten in the end, running ones are not", async () => {
  const builds = new BuildsUnderWay({ patience: 1 });
  builds.begin(asked("running"));
  for (let i = 0; i < 40; i++) await builds.begin(asked(`b${i}`)).end();
  builds.begin(asked("last"));
  assert.equal((await builds.get("running", never)).hasEnded, false);
  assert.equal((await builds.get("b39", never)).hasEnded, true);
  await assert.rejects(builds.get("b0", never), { kind: "not-found" });
});

test("a client that goes away before it has returned a result ends the wait for it", async () => {
  const leaving = new AbortController();
  const build = new BuildsUnderWay().begin(asked("a", leaving.signal));
  const returned = build.returned();
  leaving.abort();
  await assert.rejects(returned, { kind: "cancelled" });
  const other = new BuildsUnderWay().begin(asked("b"));
  other.return({ result: "r" });
  other.return({ error: new Error("too late") });
  assert.deepEqual(await other.returned(), { result: "r" });
  await assert.rejects(other.result("r"), { kind: "not-found", message: "no such ref: r" });
});
