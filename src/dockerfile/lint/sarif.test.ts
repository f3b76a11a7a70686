import assert from "node:assert/strict";
import { test } from "node:test";
import { parseDockerfile } from "../parse_dockerfile.ts";
import { lintDockerfile } from "./lint_dockerfile.ts";
import { renderFindings } from "./render_findings.ts";
import { sarif } from "./sarif.ts";

test("B080 findings as SARIF: rules, results, regions and fixes", () => {
  const text = "FROM debian@sha256:0\nADD a \\\n  /b\nUSER root\n";
  const [add, user] = lintDockerfile(parseDockerfile(text));
  const findings = [{ ...add!, bytesLost: 7 }, user!];
  const artifactLocation = { uri: "a%20dir/Dockerfile" };
  const rule = ({ rule: id, why }: (typeof findings)[0], level: string) => ({
    id,
    shortDescription: { text: why },
    defaultConfiguration: { level },
  });
  const fix = (startLine: number, endLine: number, inserted: string) => ({
    artifactChanges: [
      {
        artifactLocation,
        replacements: [
          {
            deletedRegion: { startLine, startColumn: 1, endLine, endColumn: 1 },
            insertedContent: { text: inserted },
          },
        ],
      },
    ],
  });
  assert.deepEqual(sarif(findings, { file: "a dir/Dockerfile" }), {
    $schema: "https://json.schemastore.org/sarif-2.1.0.json",
    version: "2.1.0",
    runs: [
      {
        tool: { driver: { name: "varve", rules: [rule(add!, "warning"), rule(user!, "note")] } },
        columnKind: "utf16CodeUnits",
        results: [
          {
            ruleId: "AddInsteadOfCopy",
            ruleIndex: 0,
            level: "warning",
            message: { text: "ADD of plain files, where COPY is enough" },
            locations: [
              {
                physicalLocation: {
                  artifactLocation,
                  region: { startLine: 2, startColumn: 1, endLine: 3, endColumn: 5 },
                },
              },
            ],
            properties: { bytesLost: 7 },
            fixes: [fix(2, 4, "COPY a \\\n  /b\n")],
          },
          {
            ruleId: "MissingUser",
            ruleIndex: 1,
            level: "note",
            message: { text: "USER root: processes run as root" },
            locations: [
              {
                physicalLocation: {
                  artifactLocation,
                  region: { startLine: 4, startColumn: 1, endLine: 4, endColumn: 10 },
                },
              },
            ],
            fixes: [fix(4, 5, "USER root\nUSER 1000:1000\n")],
          },
        ],
      },
    ],
  });
});

test("text of the Dockerfile is shown without control characters, bytes as they are asked for", () => {
  const dockerfile = parseDockerfile("FROM debian@sha256:0\nRUN sudo a \u001b[31m\tb\nUSER 1\n");
  const [sudo] = lintDockerfile(dockerfile);
  const text = renderFindings([{ ...sudo!, bytesLost: 12 }], dockerfile, {
    formatBytes: (bytes) => `${bytes}B`,
  });
  assert.match(text, /\n {2}Dockerfile:2 \| RUN sudo a \u{fffd}\[31m {4}b\n/u);
  assert.match(text, /\n {2}lost: 12B\n/);
  assert.match(renderFindings([{ ...sudo!, bytesLost: 12 }], dockerfile), /\n {2}lost: 12 bytes\n/);
  assert.doesNotMatch(renderFindings([{ ...sudo!, bytesLost: 0 }], dockerfile), /lost/);
});
