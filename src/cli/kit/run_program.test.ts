import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { command, program, type App } from "../../../test/support/sample_program.ts";
import { runProgram, type RunOptions } from "./run_program.ts";

describe("runProgram", () => {
  interface Outcome {
    readonly code: number;
    readonly out: string;
    readonly err: string;
    readonly calls: unknown[];
    readonly disposed: boolean;
  }
  const runLine = async (line: string, more: Partial<RunOptions<App>> = {}): Promise<Outcome> => {
    const calls: unknown[] = [];
    let [out, err, disposed] = ["", "", false];
    const code = await runProgram(program, line.split(" ").filter(Boolean), {
      stdout: { write: (text) => (out += text) },
      stderr: { write: (text) => (err += text) },
      env: {},
      open: async () => ({
        calls,
        async [Symbol.asyncDispose](): Promise<void> {
          disposed = true;
        },
      }),
      signal: new AbortController().signal,
      ...more,
    });
    return { code, out, err, calls, disposed };
  };

  test("gives a command its typed flags and disposes the app", async () => {
    const { code, calls, disposed, out, err } = await runLine("pull -q --platform linux/arm64 alpine");
    assert.deepEqual([code, out, err, disposed], [0, "", "", true]);
    assert.deepEqual(calls, [
      { platform: "linux/arm64", quiet: true, args: ["alpine"], given: ["quiet", "platform"] },
    ]);
  });

  test("returns the command's exit code", async () => {
    assert.equal((await runLine("run exits 42")).code, 42);
  });

  test("a failure of the engine gives the command's failure code and its message", async () => {
    const { code, err, disposed } = await runLine("run engine-fault");
    assert.deepEqual([code, err, disposed], [125, "varve: no such image: engine-fault\n", true]);
  });

  test("a fault of the program says so", async () => {
    const { code, err } = await runLine("save -o x");
    assert.deepEqual([code, err], [1, "varve: internal error: broken\n"]);
  });

  test("VARVE_DEBUG shows the stack", async () => {
    const { err } = await runLine("save -o x", { env: { VARVE_DEBUG: "1" } });
    assert.match(err, /^Error: broken\n {4}at .*sample_program\.ts/);
  });

  test("help and usage errors do not open the app", async () => {
    const open = (): never => assert.fail("opened");
    assert.match((await runLine("pull --help", { open })).out, /^Usage: {2}varve pull/);
    const { code, err } = await runLine("pull", { open });
    assert.equal(code, 1);
    assert.match(err, /requires 1 argument/);
    assert.equal((await runLine("pull --bogus", { open })).code, 125);
  });

  test("a usage error keeps its own code in a command with a failure code", async () => {
    assert.equal((await runLine("run")).code, 1);
  });

  test("__complete prints candidates", async () => {
    const { code, out } = await runLine("__complete pul", {});
    assert.deepEqual([code, out], [0, "pull\tDownload an image from a registry\n"]);
  });

  // A real SIGINT would end the test runner too; the bundled program gets one in test/e2e.
  test("an interrupt aborts the command's signal and gives 130", async () => {
    const interrupt = new AbortController();
    const waits = command({
      path: ["wait"],
      usage: "",
      summary: "",
      flags: {},
      args: { min: 0 },
      async run({ signal }) {
        interrupt.abort();
        signal.throwIfAborted();
      },
    });
    let err = "";
    const code = await runProgram({ ...program, commands: [waits] }, ["wait"], {
      stdout: { write: () => {} },
      stderr: { write: (text) => (err += text) },
      env: {},
      open: () => ({ calls: [] }),
      signal: interrupt.signal,
    });
    assert.deepEqual([code, err], [130, "varve: cancelled\n"]);
  });
});
