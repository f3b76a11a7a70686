import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { Failure } from "../../errors.ts";
import { reportFailure, type ReportOptions } from "./errors.ts";
import { suggest } from "./suggest.ts";
import { UsageError } from "./usage_error.ts";

function report(error: unknown, options?: ReportOptions): { text: string; code: number } {
  let text = "";
  const code = reportFailure(error, { write: (part) => (text += part) }, options);
  return { text, code };
}

describe("reportFailure", () => {
  const system = Object.assign(new Error("ENOSPC: no space left on device, write"), {
    code: "ENOSPC",
    syscall: "write",
  });
  const abort = Object.assign(new Error("This operation was aborted"), { name: "AbortError" });
  const cases: readonly [name: string, error: unknown, options: ReportOptions, text: string, code: number][] =
    [
      [
        "a failure",
        new Failure("not-found", "No such image: x:latest"),
        {},
        "varve: No such image: x:latest\n",
        1,
      ],
      [
        "a hint on its own line",
        new Failure("unavailable", "no answer", { hint: "Is it up?" }),
        {},
        "varve: no answer\nIs it up?\n",
        1,
      ],
      [
        "the engine's 125",
        new Failure("conflict", "name in use"),
        { exitCode: 125 },
        "varve: name in use\n",
        125,
      ],
      [
        "130 after Ctrl-C, whatever the command's code",
        new Failure("cancelled", "pull stopped"),
        { exitCode: 125 },
        "varve: cancelled\n",
        130,
      ],
      ["130 for Node's own abort", abort, {}, "varve: cancelled\n", 130],
      ["a usage error", new UsageError("m", "text\n\nUsage", 125), { exitCode: 1 }, "text\n\nUsage\n", 125],
      [
        "what a stranger's words would do to the terminal",
        new Failure("denied", "no\u001b[2J\u009b\n  varve: done\t!", { hint: "\u0007x" }),
        {},
        "varve: no\\x1b[2J\\x9b varve: done\\x09!\n\\x07x\n",
        1,
      ],
      [
        "a hint of several lines",
        new Failure("invalid", "m", { hint: "a:\n\tb\u0007\n ^\n" }),
        {},
        "varve: m\na:\n b\\x07\n ^\n",
        1,
      ],
      ["an error of the system", system, {}, "varve: ENOSPC: no space left on device, write\n", 1],
      ["a fault", new TypeError("x is undefined"), {}, "varve: internal error: x is undefined\n", 1],
      ["what is no error", "odd", {}, "varve: internal error: odd\n", 1],
      ["another program's name", new Failure("invalid", "m"), { program: "varved" }, "varved: m\n", 1],
    ];
  for (const [name, error, options, text, code] of cases) {
    test(name, () => assert.deepEqual(report(error, options), { text, code }));
  }

  test("with debug, the stack and its causes come first", () => {
    const error = new Failure("corrupt", "outer", { cause: new Error("inner") });
    const { text } = report(error, { debug: true });
    assert.match(text, /^Failure: outer\n[\s\S]*caused by Error: inner\n[\s\S]*varve: outer\n$/);
  });
});

describe("suggest", () => {
  const words = ["pull", "push", "images", "history", "rm", "run", "disable-content-trust"];
  const cases: readonly [word: string, wanted: string | undefined][] = [
    ["pul", "pull"],
    ["plul", "pull"],
    ["pulll", "pull"],
    ["PULL", "pull"],
    ["image", "images"],
    ["hisotry", "history"],
    ["histroy", "history"],
    ["disable-content-trsut", "disable-content-trust"],
    ["zzzz", undefined],
    ["", undefined],
    ["nonsense", undefined],
  ];
  for (const [word, wanted] of cases) {
    test(`${word} means ${wanted}`, () => assert.equal(suggest(word, words), wanted));
  }
});
