import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { describe, test } from "node:test";
import { program } from "../../../test/support/sample_program.ts";
import { completeWords, completionText } from "./complete.ts";
import { completionScript, shells } from "./completion_script.ts";

describe("completion", () => {
  const names = async (kind: string, globals: Readonly<Record<string, unknown>>): Promise<string[]> =>
    kind === "image" ? ["alpine:3.20", "alpine:edge", `at-${String(globals["root"])}:1`] : [];
  const complete = async (line: string): Promise<string> => {
    const found = await completeWords(program, line.split(" "), names);
    return [
      ...found.candidates.map(({ word }) => word),
      ...(found.paths === undefined ? [] : [`:${found.paths}`]),
    ].join(" ");
  };
  const cases: readonly [line: string, wanted: string][] = [
    ["", "pull image run system tag"],
    ["pu", "pull"],
    ["system ", "df"],
    ["image p", "pull"],
    ["pull -", "--root --debug --all-tags -a --disable-content-trust --platform --quiet -q"],
    ["pull --p", "--platform"],
    ["pull alp", "alpine:3.20 alpine:edge"],
    ["pull alpine:3", "alpine:3.20"],
    ["pull -q at", "at-/data:1"],
    ["--root /x pull at", "at-/x:1"],
    ["pull --root=/y at", "at-/y:1"],
    ["pull alpine:3.20 ", ""],
    ["pull --platform ", ""],
    ["tag alpine:3.20 al", "alpine:3.20 alpine:edge"],
    ["run --network ", "none host"],
    ["run --network=h", "--network=host"],
    ["run --rm=", "--rm=true --rm=false"],
    ["run -v ", ":directories"],
    ["run -iv ", ":directories"],
    ["run -e A=1 alp", "alpine:3.20 alpine:edge"],
    ["run -eA=1 alp", "alpine:3.20 alpine:edge"],
    ["run alpine ", ":files"],
    ["run alpine -", ":files"],
    ["save --output=", ":files"],
    ["nonsense ", ""],
    ["pull --bogus alp", "alpine:3.20 alpine:edge"],
  ];
  for (const [line, wanted] of cases) {
    test(`of [${line}]`, async () => assert.equal(await complete(line), wanted));
  }

  test("an unreadable store offers nothing", async () => {
    const broken = async (): Promise<string[]> => {
      throw new Error("no store");
    };
    assert.deepEqual(await completeWords(program, ["pull", ""], broken), { candidates: [] });
  });

  test("the answer is one candidate a line with its description", () => {
    const candidates = [
      { word: "pull", text: "Download" },
      { word: "x", text: "" },
    ];
    assert.equal(completionText({ candidates, paths: "files" }), "pull\tDownload\nx\n:files\n");
  });

  for (const shell of shells) {
    test(`the script for ${shell} names the program and asks __complete`, () => {
      const script = completionScript(shell, "my-varve");
      assert.match(script, /my-varve/);
      assert.match(script, /__complete/);
      assert.doesNotMatch(script, /@[A-Z]+@/);
      assert.doesNotMatch(script, /function my-varve|_my-varve/);
    });
  }
});

describe("bash completes through the script", () => {
  const bash = spawnSync("bash", ["--version"]).status === 0;
  const skip = bash ? false : "bash is not installed";
  /** What COMPREPLY holds for a line with the cursor at its end; `fake` stands for the program. */
  const reply = (line: string, answer: string): string => {
    const script = `
      varve() { printf '%s\\n' "$*" >&2; printf '%b' "$ANSWER"; }
      ${completionScript("bash", "varve")}
      COMP_LINE=$LINE COMP_POINT=\${#LINE}
      _varve_complete
      (IFS=,; printf '%s' "\${COMPREPLY[*]}")`;
    const { stdout, status } = spawnSync("bash", ["--norc", "-c", script], {
      env: { ...process.env, LINE: line, ANSWER: answer },
      encoding: "utf8",
      cwd: import.meta.dirname,
    });
    assert.equal(status, 0);
    return stdout;
  };

  test("descriptions are cut off", { skip }, () => {
    assert.equal(reply("varve pu", "pull\tDownload an image\npush\tUpload\n"), "pull,push");
  });

  test("what bash holds for a finished word is cut off", { skip }, () => {
    assert.equal(reply("varve pull alpine:3", "alpine:3.20\nalpine:3.21\n"), "3.20,3.21");
    assert.equal(reply("varve run --network=h", "--network=host\n"), "host");
  });

  test("files are added where they are wanted", { skip }, () => {
    assert.equal(reply("varve load -i complete_or", ":files\n"), "");
    assert.equal(reply("varve load -i complete.t", ":files\n"), "complete.test.ts,complete.ts");
  });
});
