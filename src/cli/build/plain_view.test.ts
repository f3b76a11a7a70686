import assert from "node:assert/strict";
import { test } from "node:test";
import { done, failed, planOf, said, started, stepOf, warned } from "../../../test/suites/build_events.ts";
import type { BuildEvent } from "../../build/index.ts";
import { CommandExit } from "../../build/index.ts";
import { Failure } from "../../errors.ts";
import { PlainView } from "./plain_view.ts";

function rendered(events: readonly BuildEvent[]): string[] {
  let [text, time] = ["", 0];
  const view = new PlainView(
    (part) => (text += part),
    () => time,
  );
  for (const event of events) {
    view.take(event);
    time += 500;
  }
  view.finish();
  return text.split("\n");
}

const [one, two] = [stepOf("0", 2), stepOf("web", 3)];

test("steps are numbered as they start; each line of output belongs to one of them", () => {
  const cut = Buffer.from("é");
  const lines = rendered([
    planOf(3, 3),
    warned("UnusedBuildArg", "One or more build-args [X] were not consumed"),
    warned("StageNameCasing", "told at the end"),
    started(one, "RUN make  \\\nall"),
    started(two, "RUN npm ci"),
    said(one, Buffer.concat([Buffer.from("a\nb"), cut.subarray(0, 1)])),
    said(two, "of two\n", "stderr"),
    said(one, Buffer.concat([cut.subarray(1), Buffer.from("\nrest")])),
    done(two, { cache: { hit: true, from: "imported" } }),
    done(one, { size: 5_100_000 }),
  ]);
  assert.deepEqual(lines, [
    "[Warning] One or more build-args [X] were not consumed",
    "#1 [stage-0 2/3] RUN make \\",
    "#2 [web 3/3] RUN npm ci",
    "#1 1.00 a",
    "#2 1.00 of two",
    "#1 2.00 bé",
    "#2 CACHED (imported)",
    "",
    "#1 3.00 rest",
    "#1 DONE 1.2s, 5.1MB",
    "",
    "",
  ]);
});

test("a failure says the exit code; steps that it ends are cancelled", () => {
  const cause = new CommandExit(7, { command: "/bin/sh -c x", where: "Dockerfile:3: RUN x", output: "" });
  const lines = rendered([
    started(one, "RUN x"),
    started({ ...two, step: 1, trigger: { index: 1, count: 2 } }, "RUN y"),
    failed(one, new Failure("invalid", "The command 'x' returned a non-zero code: 7", { cause })),
    failed({ ...two, step: 1, trigger: { index: 1, count: 2 } }, new Failure("cancelled", "cancelled")),
  ]);
  assert.deepEqual(lines, [
    "#1 [stage-0 2/3] RUN x",
    "#2 [web ONBUILD 1/2] RUN y",
    "#1 ERROR: exit code: 7",
    "",
    "#2 CANCELED",
    "",
    "",
  ]);
});

test("a pull tells each status once, without counts", () => {
  const pull = (status: string, current?: number): BuildEvent => ({
    kind: "progress",
    id: one,
    status,
    ...(current !== undefined && { current, total: 100 }),
  });
  const lines = rendered([
    started(one, "FROM alpine"),
    pull("aaaaaaaaaaaa: Downloading"),
    pull("aaaaaaaaaaaa: Downloading", 50),
    pull("aaaaaaaaaaaa: Pull complete"),
    done(one),
  ]);
  assert.deepEqual(lines.slice(1, 4), [
    "#1 aaaaaaaaaaaa: Downloading",
    "#1 aaaaaaaaaaaa: Pull complete",
    "#1 DONE 1.2s",
  ]);
});
