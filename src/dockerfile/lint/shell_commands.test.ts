import assert from "node:assert/strict";
import { test } from "node:test";
import { commandsOf } from "./shell_commands.ts";

test("simple commands of a shell text", () => {
  const cases: [string, string[]][] = [
    ["a b && c 'd e' || f; g|h", ["a b", "c d e", "f", "g", "h"]],
    ['echo "a && b" c\\ d', ["echo a && b c d"]],
    ["A=1 B='x y' sudo -E env C=2 /usr/bin/apt-get update", ["apt-get update (sudo)"]],
    ["cmd > /dev/null 2>&1 && next", ["cmd > /dev/null 2>&1", "next"]],
    ["if test -f x; then rm x; fi", ["test -f x", "rm x", "fi"]],
    ["set -e\nmake\n", ["set -e", "make"]],
    ["", []],
    ["A=1", []],
    ["echo it's open", ["echo it's open"]],
  ];
  for (const [text, expected] of cases) {
    const commands = commandsOf({ form: "shell", text, hereDocuments: [] });
    const said = commands.map(
      ({ name, words, hasSudo }) => [name, ...words].join(" ") + (hasSudo ? " (sudo)" : ""),
    );
    assert.deepEqual(said, expected, text);
  }
});

test("here-documents and exec forms are looked into where a shell runs them", () => {
  const position = { line: 1, column: 1 };
  const span = { start: position, end: position };
  const document = { name: "EOF", content: "rm a\nrm b\n", expand: true, span };
  const names = (command: Parameters<typeof commandsOf>[0]): string[] =>
    commandsOf(command).map(({ name, words }) => [name, ...words].join(" "));
  assert.deepEqual(names({ form: "shell", text: "<<EOF", hereDocuments: [document] }), ["rm a", "rm b"]);
  assert.deepEqual(names({ form: "shell", text: "cat <<EOF > /x", hereDocuments: [document] }), [
    "cat <<EOF > /x",
  ]);
  assert.deepEqual(names({ form: "exec", words: ["/bin/bash", "-ec", "a && b"] }), ["a", "b"]);
  assert.deepEqual(names({ form: "exec", words: ["/usr/bin/pip", "install"] }), ["pip install"]);
  assert.deepEqual(names({ form: "exec", words: [] }), []);
});
