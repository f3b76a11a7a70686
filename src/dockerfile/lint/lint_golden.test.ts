/** Every folder of test/fixtures/dockerfiles/lint is a case: a Dockerfile, perhaps a .dockerignore, and what is said of it. */
import assert from "node:assert/strict";
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { ignoreMatcher } from "../ignore_matcher.ts";
import { parseDockerfile } from "../parse_dockerfile.ts";
import { parseIgnore } from "../parse_ignore.ts";
import { lastLine } from "./lines.ts";
import { lintDockerfile } from "./lint_dockerfile.ts";
import { renderFindings } from "./render_findings.ts";
import { ruleCatalog } from "./rule_catalog.ts";

const folder = join(import.meta.dirname, "../../../test/fixtures/dockerfiles/lint");
/** Rules that need an image; the others have a folder with their name. */
const measured = new Set(["LargeBase"]);

for (const name of readdirSync(folder).sort()) {
  test(`B080 ${name}`, () => {
    const at = (file: string): string => join(folder, name, file);
    const dockerfile = parseDockerfile(readFileSync(at("Dockerfile")));
    const ignore = existsSync(at(".dockerignore"))
      ? { ignore: ignoreMatcher(parseIgnore(readFileSync(at(".dockerignore"), "utf8"))) }
      : {};
    const findings = lintDockerfile(dockerfile, ignore);
    const text = renderFindings(findings, dockerfile);
    // UPDATE_GOLDEN=1 writes what is said now, for a person to read and to commit.
    if (process.env["UPDATE_GOLDEN"] !== undefined) writeFileSync(at("expected.txt"), text);
    assert.equal(text, readFileSync(at("expected.txt"), "utf8"));
    if (Object.hasOwn(ruleCatalog, name)) assert.ok(findings.some(({ rule }) => rule === name));
    else assert.match(name, /^(?:clean|silenced)/);
  });
}

test("a fix applied leaves a Dockerfile that parses and has the finding no more", () => {
  let applied = 0;
  for (const name of readdirSync(folder)) {
    const dockerfile = parseDockerfile(readFileSync(join(folder, name, "Dockerfile")));
    for (const { fix, rule, message } of lintDockerfile(dockerfile)) {
      if (fix === undefined) continue;
      const lines = dockerfile.lines.toSpliced(
        fix.span.start.line - 1,
        lastLine(fix.span) - fix.span.start.line + 1,
        ...fix.lines,
      );
      const fixed = lintDockerfile(parseDockerfile(lines.join("\n")));
      const what = (finding: { rule: string; message: string }): string =>
        `${finding.rule} ${finding.message.replace(/\d+/g, "N")}`;
      const before = lintDockerfile(dockerfile).filter(
        (each) => what(each) === what({ rule, message }),
      ).length;
      const after = fixed.filter((each) => what(each) === what({ rule, message })).length;
      assert.equal(after, before - 1, `${name}: ${message}\n${lines.join("\n")}`);
      applied++;
    }
  }
  assert.ok(applied > 25);
});

test("each rule has its folder", () => {
  const missing = Object.keys(ruleCatalog).filter(
    (rule) => !measured.has(rule) && !existsSync(join(folder, rule)),
  );
  assert.deepEqual(missing, []);
});
