import assert from "node:assert/strict";
import { test } from "node:test";
import { digestOf, shortId, type ImageId } from "../../oci/index.ts";
import type { BuildEvent, CacheOutcome, StepId } from "../types.ts";
import { classicStream } from "./classic_stream.ts";

const position = { line: 1, column: 1 };
const span = { start: position, end: position };
const image = (name: string): ImageId => digestOf(name);
const short = (name: string): string => shortId(image(name));
const container = (letter: string): string => letter.repeat(64);
const step = (stage: number, number: number, trigger?: StepId["trigger"]): StepId => ({
  stage,
  stageName: String(stage),
  step: number,
  steps: 9,
  ...(trigger !== undefined && { trigger }),
});
const started = (id: StepId, text: string): BuildEvent => ({ kind: "step-started", id, text, span });
const done = (id: StepId, name?: string, cache?: CacheOutcome): BuildEvent => ({
  kind: "step-done",
  id,
  record: {
    id,
    text: "",
    span,
    milliseconds: 1,
    ...(name !== undefined && { image: image(name) }),
    ...(cache !== undefined && { cache }),
  },
});
const ran = (id: StepId, letter: string, what: "running" | "removed"): BuildEvent => ({
  kind: "container",
  id,
  container: container(letter),
  what,
});
const said = (id: StepId, stream: "stdout" | "stderr", text: string | Uint8Array): BuildEvent => ({
  kind: "output",
  id,
  stream,
  chunk: Buffer.from(text),
});
const hit: CacheOutcome = { hit: true, from: "local" };

function render(events: readonly BuildEvent[]): string {
  let text = "";
  const listen = classicStream((piece) => (text += piece));
  for (const event of events) listen(event);
  return text;
}

// Both outputs were measured with dockerd 20.10.24; IDs are replaced.
test("B074 the stream of two stages: global ARG, scratch, triggers, output of both kinds, a failure", () => {
  const [first, second] = [
    { index: 1, count: 2 },
    { index: 2, count: 2 },
  ];
  const events: BuildEvent[] = [
    {
      kind: "plan",
      stages: [
        { name: "0", steps: 2, needed: true, works: [] },
        { name: "two", steps: 4, needed: true, works: [] },
        { name: "three", steps: 7, needed: false, works: [] },
      ],
      globalArgs: ["ARG A=1"],
    },
    started(step(0, 1), "FROM scratch"),
    done(step(0, 1)),
    started(step(0, 2), "COPY f /"),
    done(step(0, 2), "copied", { hit: false, reason: "" }),
    started(step(1, 1), "FROM trig AS two"),
    done(step(1, 1), "trig"),
    started(step(1, 1, first), "COPY f /t1"),
    done(step(1, 1, first), "t1"),
    started(step(1, 1, second), "RUN echo trig; echo err >&2"),
    ran(step(1, 1, second), "a", "running"),
    said(step(1, 1, second), "stderr", "err\n"),
    said(step(1, 1, second), "stdout", "trig\n"),
    ran(step(1, 1, second), "a", "removed"),
    done(step(1, 1, second), "t2"),
    started(step(1, 2), "COPY --from=0 /f /x"),
    done(step(1, 2), "x"),
    started(step(1, 3), "RUN printf nonl"),
    ran(step(1, 3), "b", "running"),
    said(step(1, 3), "stdout", "nonl"),
    ran(step(1, 3), "b", "removed"),
    done(step(1, 3), "nonl"),
    started(step(1, 4), 'RUN ["sh", "-c", "exit 3"]'),
    ran(step(1, 4), "c", "running"),
    { kind: "step-failed", id: step(1, 4), error: new Error("it failed") },
  ];
  const expected = [
    "Step 1/7 : ARG A=1",
    "Step 2/7 : FROM scratch",
    " ---> ",
    "Step 3/7 : COPY f /",
    ` ---> ${short("copied")}`,
    "Step 4/7 : FROM trig AS two",
    "# Executing 2 build triggers",
    " ---> Running in aaaaaaaaaaaa",
    "\x1b[91merr",
    "\x1b[0mtrig",
    "Removing intermediate container aaaaaaaaaaaa",
    ` ---> ${short("t2")}`,
    "Step 5/7 : COPY --from=0 /f /x",
    ` ---> ${short("x")}`,
    "Step 6/7 : RUN printf nonl",
    " ---> Running in bbbbbbbbbbbb",
    "nonlRemoving intermediate container bbbbbbbbbbbb",
    ` ---> ${short("nonl")}`,
    'Step 7/7 : RUN ["sh", "-c", "exit 3"]',
    " ---> Running in cccccccccccc",
    "",
  ];
  assert.equal(render(events), expected.join("\n"));
});

test("B074 the stream of a cached build with one trigger, an empty continuation, an unused argument and two names", () => {
  const trigger = { index: 1, count: 1 };
  const unused = {
    rule: "UnusedBuildArg",
    message: "One or more build-args [NOPE] were not consumed",
    span,
  };
  const empty = {
    rule: "NoEmptyContinuation",
    message: 'Empty continuation line found in: RUN ["/bin/busybox",  "echo", "a"]',
    span,
  };
  const events: BuildEvent[] = [
    { kind: "plan", stages: [{ name: "0", steps: 2, needed: true, works: [] }], globalArgs: [] },
    { kind: "warning", warning: unused },
    { kind: "warning", warning: { rule: "MaintainerDeprecated", message: "not Docker's", span } },
    { kind: "warning", warning: empty },
    started(step(0, 1), "FROM trig"),
    done(step(0, 1), "trig"),
    started(step(0, 1, trigger), "COPY f /t1"),
    done(step(0, 1, trigger), "t1", hit),
    started(step(0, 2), "LABEL l=1"),
    done(step(0, 2), "l", hit),
    { kind: "done", image: image("l"), names: ["st:1", "st:2"] },
  ];
  const expected = [
    "\x1b[91m[WARNING]: Empty continuation line found in:",
    '    RUN ["/bin/busybox",  "echo", "a"]',
    "[WARNING]: Empty continuation lines will become errors in a future release.",
    "\x1b[0mStep 1/2 : FROM trig",
    "# Executing 1 build trigger",
    " ---> Using cache",
    ` ---> ${short("t1")}`,
    "Step 2/2 : LABEL l=1",
    " ---> Using cache",
    ` ---> ${short("l")}`,
    "[Warning] One or more build-args [NOPE] were not consumed",
    `Successfully built ${short("l")}`,
    "Successfully tagged st:1",
    "Successfully tagged st:2",
    "",
  ];
  assert.equal(render(events), expected.join("\n"));
});

test("B074 a Dockerfile of one FROM ends with its base", () => {
  const events: BuildEvent[] = [
    { kind: "plan", stages: [{ name: "0", steps: 1, needed: true, works: [] }], globalArgs: [] },
    started(step(0, 1), "FROM base:1"),
    done(step(0, 1), "base"),
    { kind: "done", image: image("base"), names: [] },
  ];
  const id = short("base");
  assert.equal(render(events), `Step 1/1 : FROM base:1\n ---> ${id}\nSuccessfully built ${id}\n`);
});

test("a character that is cut in two by chunks comes out whole", () => {
  const id = step(0, 2);
  const [head, tail] = [Buffer.from("é").subarray(0, 1), Buffer.from("é\n").subarray(1)];
  assert.equal(render([said(id, "stdout", head), said(id, "stdout", tail)]), "é\n");
});
