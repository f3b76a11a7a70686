import assert from "node:assert/strict";
import { test } from "node:test";
import type { Instruction } from "../../dockerfile/index.ts";
import { expandInstruction } from "./expand_instruction.ts";

const position = { line: 1, column: 1 };
const common = { text: "", span: { start: position, end: position } };
const expansion = {
  word: (text: string) => text.replaceAll("$X", "80 443"),
  words: (text: string) => text.replaceAll("$X", "80 443").split(" "),
};

type Case = readonly [instruction: Instruction, changed: Partial<Record<string, unknown>>];
const cases: readonly Case[] = [
  [
    { ...common, kind: "env", values: [{ name: "A$X", value: "$X" }] },
    { values: [{ name: "A80 443", value: "80 443" }] },
  ],
  [
    { ...common, kind: "arg", values: [{ name: "A" }, { name: "B", value: "$X" }] },
    { values: [{ name: "A" }, { name: "B", value: "80 443" }] },
  ],
  [{ ...common, kind: "expose", ports: ["90", "$X", "100"] }, { ports: ["80", "443", "100", "90"] }],
  [{ ...common, kind: "volume", paths: ["/$X"] }, { paths: ["/80 443"] }],
  [{ ...common, kind: "user", user: "$X" }, { user: "80 443" }],
  [{ ...common, kind: "stopsignal", signal: "$X" }, { signal: "80 443" }],
  [{ ...common, kind: "workdir", path: "$X" }, { path: "80 443" }],
  [{ ...common, kind: "maintainer", author: "$X" }, {}],
  [{ ...common, kind: "onbuild", trigger: "RUN $X" }, {}],
  [{ ...common, kind: "shell", words: ["$X"] }, {}],
];
for (const [instruction, changed] of cases) {
  test(`variables of ${instruction.kind.toUpperCase()} ${Object.keys(changed).join("") || "stay"}`, () => {
    assert.deepEqual(expandInstruction(instruction, expansion), { ...instruction, ...changed });
  });
}
