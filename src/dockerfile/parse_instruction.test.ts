import assert from "node:assert/strict";
import { test } from "node:test";
import { parseDockerfile } from "./parse_dockerfile.ts";
import { parseInstruction, splitInstructions } from "./parse_instruction.ts";

test("an instruction alone is what it is in a file", () => {
  for (const text of ["RUN a  b", "copy --link a b", "ENV A=b C='d e'", "HEALTHCHECK NONE", "FROM x AS y"]) {
    const parsed = parseInstruction(text);
    const [stage] = parseDockerfile(text.startsWith("FROM") ? text : `FROM x\n${text}`).stages;
    const { span: _, ...inFile } = stage?.instructions[0] ?? stage?.from ?? assert.fail();
    const { span: __, ...alone } = parsed;
    assert.deepEqual(alone, inFile);
  }
});

test("a trigger comes back from an image as it was written, here-documents and all", () => {
  const written = "RUN <<-EOF cat <<'B' \\\n  # no\n\t&& x\n\ta $A\n\tEOF\n\tb\nB\n";
  const trigger = parseDockerfile(`FROM x\nONBUILD ${written}`).stages[0]?.instructions[0];
  assert.ok(trigger?.kind === "onbuild");
  assert.equal(trigger.trigger, "RUN <<-EOF cat <<'B' \t&& x\n\ta $A\n\tEOF\n\tb\nB");
  const { text, kind, command } = { command: undefined, ...parseInstruction(trigger.trigger) };
  assert.deepEqual([text, kind], ["RUN <<-EOF cat <<'B' \t&& x", "run"]);
  assert.deepEqual(
    (
      command as { hereDocuments?: readonly { name: string; content: string }[] } | undefined
    )?.hereDocuments?.map(({ name, content }) => [name, content]),
    [
      ["EOF", "a $A\n"],
      ["B", "\tb\n"],
    ],
  );
});

test("the escape is given, or named on top", () => {
  const continued = {
    kind: "env",
    values: [
      { name: "A", value: "b" },
      { name: "C", value: "d" },
    ],
  };
  for (const parsed of [
    parseInstruction("ENV A=b `\n C=d", { escape: "`" }),
    parseInstruction("# escape=`\nENV A=b `\n C=d"),
  ]) {
    const { kind, values } = { values: [], ...parsed };
    assert.deepEqual({ kind, values }, continued);
  }
});

test("what is wrong is said without a file", () => {
  const cases: readonly (readonly [string, string, string | undefined])[] = [
    ["", "file with no instructions", undefined],
    ["# x", "file with no instructions", undefined],
    ["RUN a\nRUN b", "onbuild trigger should be a single expression", undefined],
    ["RNU a", "unknown instruction: RNU", "1 | RNU a\n  | ^^^ did you mean RUN?"],
    ["ENV A", "ENV must have two arguments", "1 | ENV A\n  |     ^"],
    ["RUN <<EOF", "unterminated heredoc", "1 | RUN <<EOF\n  |     ^^^^^"],
  ];
  for (const [text, message, hint] of cases)
    assert.throws(() => parseInstruction(text), { kind: "invalid", message, hint }, text);
});

test("words are there before anything is parsed", () => {
  const { escape, statements } = splitInstructions("# escape=`\n\ncopy\n  # c\nENV A=b `\n  C\nBOGUS");
  assert.equal(escape, "`");
  assert.deepEqual(
    statements.map(({ word }) => word),
    ["COPY", "ENV", "BOGUS"],
  );
  assert.throws(() => statements[1]?.parse(), { message: /^Syntax error - can't find = in "C"/ });
  assert.throws(() => splitInstructions("\n"), { message: "file with no instructions" });
});
