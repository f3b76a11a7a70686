import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { explainMiss } from "./explain_miss.ts";
import { stepFacts, type StepParts } from "./step_facts.ts";

const files = (of: Record<string, string>): NonNullable<StepParts["content"]> => ({
  digest: JSON.stringify(of),
  items: new Map(Object.entries(of)),
});

const base: StepParts = {
  text: "COPY src /app",
  below: "sha256:aa",
  inputs: { args: ["TOKEN=hunter2", "V=1"], env: ["PATH=/bin", "A=a=b"], user: "", mounts: [] },
  content: files({ "src/app.ts": "1", "src/b.ts": "2", "src/c.ts": "3", "src/d.ts": "4" }),
};

const cases: readonly (readonly [string, Partial<StepParts>, string])[] = [
  ["nothing", {}, "its layer is no longer in the cache"],
  ["the layer below", { below: "sha256:bb" }, "the step above changed"],
  ["the text", { text: "COPY . /app", below: "sha256:bb" }, "the text changed"],
  [
    "one file, and the layer below",
    { content: files({ ...contents(), "src/app.ts": "9" }), below: "sha256:bb" },
    "src/app.ts changed",
  ],
  ["a new file", { content: files({ ...contents(), "src/new.ts": "9" }) }, "src/new.ts was added"],
  [
    "a file less",
    { content: files({ "src/app.ts": "1", "src/b.ts": "2", "src/c.ts": "3" }) },
    "src/d.ts is gone",
  ],
  [
    "three files",
    { content: files({ ...contents(), "src/app.ts": "9", "src/b.ts": "9", "src/c.ts": "9" }) },
    "3 files changed: src/app.ts, src/b.ts, src/c.ts",
  ],
  [
    "all files",
    { content: files({ "src/app.ts": "9", "src/b.ts": "9", "src/c.ts": "9", "src/d.ts": "9" }) },
    "4 files changed: src/app.ts, src/b.ts, src/c.ts …",
  ],
  ["files that nobody listed", { content: { digest: "other" } }, "its files changed"],
  ["a name for the terminal", { content: files({ ...contents(), "\x1b[2J": "x" }) }, "?[2J was added"],
  ["a name from Object", { content: files({ ...contents(), constructor: "x" }) }, "constructor was added"],
  [
    "an argument",
    { inputs: { ...base.inputs, args: ["TOKEN=hunter3", "V=1"] } },
    "the value of ARG TOKEN changed",
  ],
  [
    "two arguments",
    { inputs: { ...base.inputs, args: ["TOKEN=hunter3", "V=2"] } },
    "the values of 2 ARGs changed: TOKEN, V",
  ],
  ["a variable", { inputs: { ...base.inputs, env: ["PATH=/bin", "A=a=c"] } }, "the value of ENV A changed"],
  ["the user", { inputs: { ...base.inputs, user: "nobody" } }, "the user changed"],
  ["a mount", { inputs: { ...base.inputs, mounts: [1] } }, "what is mounted changed"],
];

function contents(): Record<string, string> {
  return Object.fromEntries(base.content?.items ?? []);
}

suite("explainMiss", () => {
  for (const [name, change, expected] of cases) {
    test(name, () => {
      const before = stepFacts(base);
      const now = stepFacts({ ...base, ...change });
      assert.equal(explainMiss(before, now), expected);
      // As they come back from the memory of the last build.
      assert.equal(explainMiss(JSON.parse(JSON.stringify(before)), now), expected);
    });
  }

  test("a step that was never built", () => {
    assert.equal(explainMiss(undefined, stepFacts(base)), "no build of this step is on record");
  });

  test("facts hold no values of arguments and variables", () => {
    assert.doesNotMatch(JSON.stringify(stepFacts(base)), /hunter2|a=b/);
  });
});
