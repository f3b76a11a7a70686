import assert from "node:assert/strict";
import { test } from "node:test";
import { program } from "../../../test/support/sample_program.ts";
import { commandsFor, type Program } from "./command.ts";
import { commandHelp } from "./help.ts";

test("a value that may be absent stands in brackets", () => {
  const command = commandsFor<unknown>()({
    path: ["build"],
    usage: "PATH",
    summary: "Build",
    flags: {
      squash: { kind: "string", type: "FROM..TO", bare: "all", help: "Merge layers" },
      target: { kind: "string", type: "STAGE", help: "Stage" },
    },
    args: { min: 1 },
    run: async () => undefined,
  });
  const help = commandHelp(program as Program<never>, command as never);
  assert.match(help, /^ {6}--squash\[=FROM\.\.TO\] {3}Merge layers$/m);
  assert.match(help, /^ {6}--target STAGE {8}Stage$/m);
});
