import assert from "node:assert/strict";
import { test } from "node:test";
import type { CopyInstruction, RunInstruction } from "../../dockerfile/index.ts";
import { checkClassic, replacedHealthcheckText, runFailureText } from "./classic_errors.ts";

const position = { line: 1, column: 1 };
const common = { text: "", span: { start: position, end: position } };
const run: RunInstruction = {
  ...common,
  kind: "run",
  command: { form: "exec", words: ["true"] },
  mounts: [],
};
const copy: CopyInstruction = {
  ...common,
  kind: "copy",
  sources: ["a"],
  destination: "/",
  hereDocuments: [],
  exclude: [],
  link: false,
  parents: false,
  keepGitDir: false,
};

test("B078 a command that fails is told with its words, in both forms", () => {
  assert.equal(
    runFailureText(["/bin/sh", "-c", "exit 3"], 3),
    "The command '/bin/sh -c exit 3' returned a non-zero code: 3",
  );
  assert.equal(
    runFailureText(["sh", "-c", "exit 3"], 3),
    "The command 'sh -c exit 3' returned a non-zero code: 3",
  );
});

test("B074 a HEALTHCHECK that takes another's place is told", () => {
  const before = { Healthcheck: { Test: ["CMD-SHELL", "true"] } };
  assert.equal(replacedHealthcheckText(before), "Note: overriding previous HEALTHCHECK: [CMD-SHELL true]\n");
  assert.equal(replacedHealthcheckText({ Healthcheck: { Test: ["NONE"] } }), undefined);
  assert.equal(replacedHealthcheckText({}), undefined);
});

const refused: readonly (readonly [flag: string, instruction: CopyInstruction | RunInstruction])[] = [
  ["mount", { ...run, mounts: [{ type: "cache", target: "/x" }] }],
  ["network", { ...run, network: "none" }],
  ["security", { ...run, security: "insecure" }],
  ["chmod", { ...copy, chmod: "0644" }],
  ["link", { ...copy, link: true }],
  ["parents", { ...copy, parents: true }],
  ["exclude", { ...copy, exclude: ["*.md"] }],
  ["checksum", { ...copy, kind: "add", checksum: "sha256:0" }],
  ["keep-git-dir", { ...copy, kind: "add", keepGitDir: true }],
  ["unpack", { ...copy, kind: "add", unpack: false }],
];
for (const [flag, instruction] of refused) {
  test(`the old builder refuses --${flag}`, () => {
    assert.throws(() => checkClassic(instruction), {
      kind: "invalid",
      message:
        `the --${flag} option requires BuildKit. Refer to https://docs.docker.com/go/buildkit/ to learn how to ` +
        "build images with BuildKit enabled",
    });
  });
}

test("the old builder refuses here-documents, which its cache would not see", () => {
  const hereDocuments = [{ name: "EOF", content: "x\n", expand: true, span: common.span }];
  const command = { form: "shell", text: "<<EOF", hereDocuments } as const;
  assert.throws(() => checkClassic({ ...run, command }), /here-documents require BuildKit/);
  assert.throws(() => checkClassic({ ...copy, hereDocuments }), /here-documents require BuildKit/);
});

test("the old builder takes what it knows", () => {
  assert.doesNotThrow(() => checkClassic(run));
  assert.doesNotThrow(() => checkClassic({ ...copy, chown: "1:2", from: "one" }));
});
