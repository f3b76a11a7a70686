import assert from "node:assert/strict";
import { readdirSync, readFileSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { suite, test } from "node:test";
import { scratch } from "../../../test/suites/scratch.ts";
import { readLastBuild, sameStep, writeLastBuild, type LastBuild } from "./last_build.ts";
import { stepFacts, type StepFacts } from "./step_facts.ts";

const name = { context: "/src/app", dockerfile: "Dockerfile" };

const factsOf = (text: string, files = 1): StepFacts => {
  const items = new Map(Array.from({ length: files }, (_, i) => [`src/file${i}`, `${i}`]));
  return stepFacts({ text, below: "", inputs: { user: "" }, content: { digest: text, items } });
};

const build = (...facts: StepFacts[]): LastBuild => ({
  steps: facts.map((each, i) => ({ stage: "0", step: i + 2, facts: each })),
});

const folderOf = (root: string): string => join(root, "varve/build-cache/last");

suite("the memory of the last build", () => {
  test("gives back the build of the same context, Dockerfile and target", () => {
    using root = scratch("last");
    const store = { root: root.path };
    assert.equal(readLastBuild(store, name), undefined);
    const [one, two] = [build(factsOf("COPY a /")), build(factsOf("COPY b /"))];
    writeLastBuild(store, name, one);
    writeLastBuild(store, { ...name, target: "test" }, two);
    assert.deepEqual(JSON.stringify(readLastBuild(store, name)), JSON.stringify(one));
    writeLastBuild(store, name, two);
    assert.deepEqual(JSON.stringify(readLastBuild(store, name)), JSON.stringify(two));
    assert.equal(readLastBuild(store, { ...name, context: "/src/app2" }), undefined);
    assert.equal(readdirSync(folderOf(root.path)).length, 2);
  });

  test("stays below its bound: the longest list of files goes first", () => {
    using root = scratch("last");
    const store = { root: root.path };
    writeLastBuild(store, name, build(factsOf("COPY node_modules /", 100_000), factsOf("COPY src /", 1000)));
    const [large, small] = readLastBuild(store, name)?.steps ?? [];
    assert.equal(large?.facts.files, undefined);
    assert.ok(large?.facts.content);
    assert.equal(Object.keys(small?.facts.files ?? {}).length, 1000);
  });

  test("remembers the last hundred builds", () => {
    using root = scratch("last");
    const store = { root: root.path };
    for (let i = 0; i < 110; i++) writeLastBuild(store, { ...name, context: `/c${i}` }, build());
    assert.equal(readdirSync(folderOf(root.path)).length, 100);
    assert.ok(readLastBuild(store, { ...name, context: "/c109" }));
  });

  test("what is damaged or hostile is not there", () => {
    using root = scratch("last");
    const store = { root: root.path };
    writeLastBuild(store, name, build(factsOf("COPY a /")));
    const path = join(folderOf(root.path), readdirSync(folderOf(root.path))[0]!);
    const whole = JSON.parse(readFileSync(path, "utf8"));
    writeFileSync(
      path,
      JSON.stringify({ ...whole, steps: [null, 1, { stage: "0", step: 2, facts: { text: 1 } }] }),
    );
    assert.deepEqual(readLastBuild(store, name), { steps: [] });
    truncateSync(path, 20);
    assert.equal(readLastBuild(store, name), undefined);
    writeFileSync(path, Buffer.alloc(3 << 20, "["));
    assert.equal(readLastBuild(store, name), undefined);
  });

  test("a line that moved is found by its text, one that changed by its place", () => {
    const [a, b, b2] = [factsOf("RUN a"), factsOf("RUN b"), { ...factsOf("RUN b"), below: "2" }];
    const last = build(a, b, factsOf("RUN c"), b2);
    const find = (step: number, text: string, stage = "0") => sameStep(last, { stage, step, text });
    assert.equal(find(3, "RUN a"), a);
    assert.equal(find(3, "RUN new"), b);
    assert.equal(find(2, "RUN b"), b);
    assert.equal(find(6, "RUN b"), b2);
    assert.equal(find(9, "RUN new"), undefined);
    assert.equal(find(2, "RUN a", "1"), undefined);
    assert.equal(sameStep(undefined, { stage: "0", step: 2, text: "RUN a" }), undefined);
  });
});
