import assert from "node:assert/strict";
import { globSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import * as fc from "fast-check";
import { Failure } from "../../errors.ts";
import { parseDockerfile } from "../parse_dockerfile.ts";
import type { Dockerfile } from "../types.ts";
import { lastLine } from "./lines.ts";
import { lintDockerfile } from "./lint_dockerfile.ts";
import { renderFindings } from "./render_findings.ts";
import { sarif } from "./sarif.ts";

const experimental = { experimental: ["all"] };

function parsed(source: string | Uint8Array): Dockerfile | undefined {
  try {
    return parseDockerfile(source);
  } catch (error) {
    if (error instanceof Failure) return undefined;
    throw error;
  }
}

/** Findings stand in the file, and what a fix makes of the file still parses. */
function check(dockerfile: Dockerfile): void {
  const findings = lintDockerfile(dockerfile, experimental);
  for (const { rule, span, fix } of findings) {
    assert.ok(span.start.line >= 1 && lastLine(span) <= dockerfile.lines.length, rule);
    if (fix === undefined) continue;
    const { start } = fix.span;
    const count = lastLine(fix.span) - start.line + 1;
    const fixed = dockerfile.lines.toSpliced(start.line - 1, count, ...fix.lines).join("\n");
    assert.ok(parsed(fixed) !== undefined, `${rule}\n${fixed}`);
  }
  renderFindings(findings, dockerfile);
  JSON.stringify(sarif(findings, { file: dockerfile.name }));
}

test("all Dockerfiles of the parser's tests can be linted", () => {
  const fixtures = join(import.meta.dirname, "../../../test/fixtures/dockerfiles");
  const files = globSync("*/*/Dockerfile", { cwd: fixtures });
  let linted = 0;
  for (const file of files) {
    const dockerfile = parsed(readFileSync(join(fixtures, file)));
    if (dockerfile === undefined) continue;
    check(dockerfile);
    linted++;
  }
  assert.ok(linted > 40);
});

test("any instructions in any order can be linted", () => {
  const word = fc.constantFrom(
    ..."a /b . $C ${D:-e} \"f g\" 'h' && || ; | cd sudo rm -rf apt-get update install npm ci chmod 644 pip -r".split(
      " ",
    ),
    "--mount=type=cache,target=/x",
    "--chown=1",
    "<<EOF",
    "\\\n",
    "\n# varve: ignore all\n",
  );
  const name = fc.constantFrom(
    ..."FROM ARG ENV LABEL COPY ADD RUN WORKDIR USER CMD ENTRYPOINT EXPOSE VOLUME SHELL HEALTHCHECK ONBUILD MAINTAINER run".split(
      " ",
    ),
  );
  const line = fc
    .tuple(name, fc.array(word, { maxLength: 6 }))
    .map(([first, words]) => [first, ...words].join(" "));
  fc.assert(
    fc.property(fc.array(line, { maxLength: 8 }), (lines) => {
      const dockerfile =
        parsed(["FROM debian", ...lines, "EOF", ""].join("\n")) ??
        parsed(["FROM debian", ...lines].join("\n"));
      if (dockerfile !== undefined) check(dockerfile);
    }),
    { numRuns: 3000 },
  );
});

test("of a file that no person wrote only the parser's warnings are told", () => {
  const long = parseDockerfile(`FROM debian\n${"add a b\n".repeat(20_000)}`);
  const rules = lintDockerfile(long).map(({ rule }) => rule);
  assert.deepEqual([...new Set(rules)], ["ConsistentInstructionCasing"]);
  const wide = parseDockerfile(`FROM debian\nLABEL a=${"x".repeat(1 << 18)}\n`);
  assert.deepEqual(lintDockerfile(wide), []);
});

test("a long text takes no longer than its length asks for", () => {
  const long = [
    "a.".repeat(25_000),
    "'".repeat(25_001),
    '"'.repeat(25_001),
    "password_".repeat(5000),
    "&".repeat(50_000),
    "rm abcdef; touch abcdefg; ".repeat(2000),
  ];
  for (const text of long) {
    const dockerfile = parsed(`FROM debian\nRUN ${text}\nCOPY <<E /x\n${text}\nE\n`);
    if (dockerfile !== undefined) check(dockerfile);
  }
});
