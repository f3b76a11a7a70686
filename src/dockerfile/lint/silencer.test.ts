import assert from "node:assert/strict";
import { test } from "node:test";
import { parseDockerfile } from "../parse_dockerfile.ts";
import { lintDockerfile } from "./lint_dockerfile.ts";
import { lintExitCode } from "./lint_exit_code.ts";
import { readCheckDirective } from "./silencer.ts";
import type { LintOptions } from "./types.ts";

const rulesOf = (text: string, options?: LintOptions): string[] =>
  lintDockerfile(parseDockerfile(text), options).map(({ rule, span }) => `${span.start.line} ${rule}`);

test("the directive is Docker's", () => {
  const cases: [string | undefined, ReturnType<typeof readCheckDirective>][] = [
    [undefined, { skip: [], experimental: [], error: false }],
    ["skip=A, B;error=true", { skip: ["A", "B"], experimental: [], error: true }],
    ["SKIP=all ; experimental=C;error=false", { skip: ["all"], experimental: ["C"], error: false }],
    ["nonsense", { skip: [], experimental: [], error: false }],
  ];
  for (const [text, expected] of cases) assert.deepEqual(readCheckDirective(text), expected, String(text));
});

test("rules are silenced by option, by directive and by a comment above the line", () => {
  const body = "FROM debian\nRUN sudo x\nUSER 1\n";
  assert.deepEqual(rulesOf(body), ["1 UnpinnedBase", "2 SudoInRun"]);
  assert.deepEqual(rulesOf(body, { skip: ["sudoinrun"] }), ["1 UnpinnedBase"]);
  assert.deepEqual(rulesOf(body, { skip: ["all"] }), []);
  assert.deepEqual(rulesOf(`# check=skip=UnpinnedBase\n${body}`), ["3 SudoInRun"]);
  assert.deepEqual(rulesOf(`# varve: ignore UnpinnedBase\n${body}`), ["3 SudoInRun"]);
  assert.deepEqual(rulesOf("# varve: ignore UnpinnedBase\n\nFROM debian\nUSER 1\n"), ["3 UnpinnedBase"]);
  const continued =
    "FROM debian AS x\n# varve: ignore AptUpdateAlone,SudoInRun\nRUN true && \\\n  sudo apt-get update\nUSER 1\n";
  assert.deepEqual(rulesOf(continued), ["1 UnpinnedBase"]);
});

test("experimental rules are asked for", () => {
  const text = "# not its name\nFROM debian@sha256:0 AS base\nUSER 1\n";
  assert.deepEqual(rulesOf(text), []);
  assert.deepEqual(rulesOf(text, { experimental: ["InvalidDefinitionDescription"] }), [
    "2 InvalidDefinitionDescription",
  ]);
});

test("what the base image sets is known if it is said", () => {
  const text = "FROM node:24@sha256:0\nWORKDIR $APP_DIR\nLABEL v=$NODE_VERSION\nUSER 1\n";
  assert.deepEqual(rulesOf(text), []);
  assert.deepEqual(rulesOf(text, { environment: () => ["NODE_VERSION"] }), ["2 UndefinedVar"]);
});

test("the exit code is by severity", () => {
  const warned = lintDockerfile(parseDockerfile("FROM debian\nUSER 1\n"));
  assert.deepEqual(
    (["never", "error", "warning", "info"] as const).map((failOn) => lintExitCode(warned, failOn)),
    [0, 0, 1, 1],
  );
  const raised = lintDockerfile(parseDockerfile("# check=error=true\nFROM debian\nUSER 1\n"));
  assert.equal(lintExitCode(raised, "error"), 1);
  assert.equal(lintExitCode([], "info"), 0);
});
