import assert from "node:assert/strict";
import { test } from "node:test";
import { done, failed, planOf, said, started, stepOf, warned } from "../../../test/suites/build_events.ts";
import { CommandExit } from "../../build/index.ts";
import { Failure } from "../../errors.ts";
import { digestOf } from "../../oci/index.ts";
import { JsonView } from "./json_view.ts";

test("each event is one line, as it is written down", () => {
  const step = stepOf("web", 2);
  const cut = Buffer.from("é\n");
  const cause = new CommandExit(7, {
    command: "/bin/sh -c x",
    where: "Dockerfile:3: RUN x",
    output: "secret",
  });
  const lines: unknown[] = [];
  const view = new JsonView((text) => lines.push(JSON.parse(text)));
  const image = digestOf("image");
  const events = [
    planOf(3),
    warned("StageNameCasing", "text"),
    started(step, "RUN x"),
    said(step, cut.subarray(0, 1)),
    said(step, cut.subarray(1)),
    done(step, { size: 5, cache: { hit: false, reason: "a changed" } }),
    failed(step, new Failure("invalid", "it failed", { cause })),
    failed(step, new Failure("cancelled", "cancelled")),
    { kind: "progress", id: step, status: "a: Downloading", current: 1, total: 2 },
    { kind: "container", id: step, container: "c", what: "running" },
    { kind: "done", image, names: ["app:1"] },
  ] as const;
  for (const event of events) view.take(event);
  view.finish();
  assert.deepEqual(lines, [
    { kind: "plan", stages: [{ name: "0", steps: 3, needed: true }], globalArgs: [] },
    { kind: "warning", rule: "StageNameCasing", message: "text", line: 3 },
    { kind: "step-started", step, text: "RUN x", line: 3 },
    { kind: "output", step, stream: "stdout", text: "é\n" },
    {
      kind: "step-done",
      step,
      milliseconds: 1234,
      cache: { hit: false, reason: "a changed" },
      layer: { diffId: digestOf("d"), chainId: digestOf("c"), size: 5 },
    },
    { kind: "step-failed", step, message: "it failed", cancelled: false, exitCode: 7 },
    { kind: "step-failed", step, message: "cancelled", cancelled: true },
    { kind: "progress", step, status: "a: Downloading", current: 1, total: 2 },
    { kind: "container", step, container: "c", what: "running" },
    { kind: "done", image, names: ["app:1"] },
  ]);
});
