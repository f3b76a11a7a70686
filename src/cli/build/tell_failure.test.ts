import assert from "node:assert/strict";
import { test } from "node:test";
import { CommandExit } from "../../build/index.ts";
import { Failure } from "../../errors.ts";
import type { ViewMode } from "./build_view.ts";
import { tellFailure } from "./tell_failure.ts";

function told(error: unknown, mode: ViewMode, classic = false): { code: number; text: string } {
  let text = "";
  const stderr = { write: (part: string) => (text += part) };
  const code = tellFailure({ stderr } as never, error, { mode, classic });
  return { code, text };
}

const where = "Dockerfile:3: RUN x";
const failure = new Failure("invalid", "The command 'x' returned a non-zero code: 7", {
  hint: `${where}\nIts last output:\nout`,
  cause: new CommandExit(7, { command: "/bin/sh -c x", where, output: "out" }),
});

test("the output of the command is told where it was not seen", () => {
  assert.equal(told(failure, "quiet").text, `varve: ${failure.message}\n${where}\nIts last output:\nout\n`);
  for (const mode of ["plain", "tty", "classic"] as const)
    assert.equal(told(failure, mode).text, `varve: ${failure.message}\n${where}\n`);
});

test("the old builder ends with the command's exit code, varve's with 1, both with 130 after Ctrl-C", () => {
  assert.equal(told(failure, "classic", true).code, 7);
  assert.equal(told(failure, "plain").code, 1);
  assert.equal(told(new Failure("invalid", "no command"), "classic", true).code, 1);
  const cancelled = told(new Failure("cancelled", "it was"), "plain");
  assert.deepEqual(cancelled, { code: 130, text: "varve: cancelled\n" });
});

test("for programs it is one more event", () => {
  const { code, text } = told(failure, "json");
  assert.deepEqual(JSON.parse(text), { kind: "failed", message: failure.message, hint: where, exitCode: 1 });
  assert.equal(code, 1);
  assert.equal(JSON.parse(told(new Failure("cancelled", "it was"), "json").text).exitCode, 130);
});
