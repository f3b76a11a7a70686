import assert from "node:assert/strict";
import { test } from "node:test";
import { done, failed, said, started } from "../../../test/suites/build_events.ts";
import type { BuildEvent, StepId } from "../../engine/index.ts";
import { Failure } from "../../errors.ts";
import { BuildProgress, StatusResponse, type StatusUpdate } from "./index.ts";

const step = (stage: number, stageName: string, number: number): StepId => ({
  stage,
  stageName,
  step: number,
  steps: 12,
});

const plan: BuildEvent = {
  kind: "plan",
  stages: [
    { name: "base", steps: 3, needed: true, image: "base:1", works: [1, 3] },
    { name: "1", steps: 12, needed: true, works: [3, 4, 5, 6, 7, 8, 9, 10, 11, 12] },
  ],
  globalArgs: [],
};

/** All that was told, over the wire and back, with times as milliseconds. */
function telling() {
  const updates: StatusUpdate[] = [];
  let now = 1_700_000_000_000;
  const progress = new BuildProgress({ ref: "r", send: (each) => updates.push(each), now: () => now++ });
  const read = () => updates.map((each) => StatusResponse.decode(StatusResponse.encode(each)));
  const vertexes = () => read().flatMap((each) => each.vertexes);
  return { progress, read, vertexes };
}

test("steps that touch files are vertexes, called and numbered as BuildKit does; each stands on the one before", () => {
  const { progress, vertexes } = telling();
  const [from, env, copy, run] = [
    step(0, "base", 1),
    step(0, "base", 2),
    step(0, "base", 3),
    step(1, "1", 4),
  ] as const;
  progress.take(plan);
  for (const [id, text] of [
    [from, "FROM base:1 AS base"],
    [env, "ENV a=b"],
    [copy, "COPY  a\tb"],
  ] as const) {
    progress.take(started(id, text));
    progress.take(done(id, id === copy ? { cache: { hit: true, from: "local" } } : {}));
  }
  progress.take(started(run, "RUN <<E\nx\nE"));
  progress.take(failed(run, new Failure("cancelled", "stopped")));
  const told = vertexes();
  assert.deepEqual(
    told.map(({ name, cached, completed, error }) => [name, cached, completed !== undefined, error]),
    [
      ["[base 1/2] FROM docker.io/library/base:1", false, false, ""],
      ["[base 1/2] FROM docker.io/library/base:1", false, true, ""],
      ["[base 2/2] COPY a b", false, false, ""],
      ["[base 2/2] COPY a b", true, true, ""],
      ["[stage-1  2/10] RUN <<E", false, false, ""],
      ["[stage-1  2/10] RUN <<E", false, true, "context canceled"],
    ],
  );
  assert.deepEqual(told[3]?.inputs, [told[0]?.digest]);
  assert.deepEqual(told[0]?.started, { seconds: 1_700_000_000n, nanos: 0 });
  assert.deepEqual(told[1]?.completed, { seconds: 1_700_000_000n, nanos: 1_000_000 });
});

test("output belongs to its vertex, pulls are bars that end, and what is left open ends as cancelled", () => {
  const { progress, read, vertexes } = telling();
  progress.take(plan);
  const [from, copy] = [step(0, "base", 1), step(0, "base", 3)] as const;
  progress.take(started(from, "FROM base:1"));
  for (const [status, current, total] of [
    ["1: Pulling from base"],
    ["aaaaaaaaaaaa: Downloading", 1, 9],
    ["aaaaaaaaaaaa: Download complete"],
    ["aaaaaaaaaaaa: Extracting", 4, 9],
  ] as const) {
    const far = current === undefined ? {} : { current, total };
    progress.take({ kind: "progress", id: from, status, ...far });
  }
  progress.take(done(from));
  progress.take(started(copy, "RUN x"));
  progress.take(said(copy, "a\n", "stderr"));
  progress.finish();
  const updates = read();
  const digests = vertexes().map(({ digest }) => digest);
  const statuses = updates.flatMap((each) => each.statuses);
  assert.deepEqual(
    statuses.map(({ id, current, total, completed }) => [id, current, total, completed !== undefined]),
    [
      ["aaaaaaaaaaaa", 1, 9, false],
      ["aaaaaaaaaaaa", 1, 9, true],
      ["extracting aaaaaaaaaaaa", 4, 9, false],
      ["extracting aaaaaaaaaaaa", 4, 9, true],
    ],
  );
  assert.ok(statuses.every(({ vertex }) => vertex === digests[0]));
  const [log] = updates.flatMap((each) => each.logs);
  assert.deepEqual(
    [log?.vertex, log?.stream, String(Buffer.from(log?.message ?? []))],
    [digests[2], 2, "a\n"],
  );
  assert.deepEqual(
    vertexes().map(({ error }) => error),
    ["", "", "", "context canceled"],
  );
});

test("what no event tells of is a vertex as long as the work takes, and fails with it", async () => {
  const { progress, read, vertexes } = telling();
  const result = await progress.during("exporting to image", async (vertex) => {
    vertex.warn({ short: "Rule: text (line 1)", detail: "why" });
    return 7;
  });
  assert.equal(result, 7);
  await assert.rejects(
    progress.during("exporting to image", () => Promise.reject(new Error("no space"))),
    /no space/,
  );
  progress.finish();
  assert.deepEqual(
    vertexes().map(({ name, completed, error }) => [name, completed !== undefined, error]),
    [
      ["exporting to image", false, ""],
      ["exporting to image", true, ""],
      ["exporting to image", false, ""],
      ["exporting to image", true, "no space"],
    ],
  );
  assert.notEqual(vertexes()[0]?.digest, vertexes()[2]?.digest);
  const [warning] = read().flatMap((each) => each.warnings);
  assert.deepEqual(
    [warning?.vertex, warning?.short, warning?.detail],
    [vertexes()[0]?.digest, "Rule: text (line 1)", ["why"]],
  );
});
