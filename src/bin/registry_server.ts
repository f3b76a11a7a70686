/**
 * `varve registry serve` without the rest of the program, and what that has of the registry. A server stays for months; the
 * rest would be a fifth of its memory and half of the time until it answers.
 */
import type { App } from "../cli/app.ts";
import { registryServe } from "../cli/commands/registry.ts";
import { dispatch, exitOnBrokenPipe, runProgram, type Program } from "../cli/kit/index.ts";
import * as commands from "../registry/server/commands.ts";

export * from "../registry/server/commands.ts";

const program: Program<App> = {
  name: "varve",
  summary: "",
  version: "",
  globals: {},
  commands: [registryServe],
  groups: { registry: { summary: "" } },
  sections: [],
};

/**
 * Serves, and returns the exit code.
 * @param words as on the command line
 * @returns undefined for what is anything but this one command and its flags: the whole program knows what to say
 */
export function serveRegistry(words: readonly string[]): Promise<number> | undefined {
  try {
    if (dispatch(program, words).kind === "help") return undefined;
  } catch {
    return undefined;
  }
  const { stdout, stderr, env } = process;
  exitOnBrokenPipe(stdout);
  exitOnBrokenPipe(stderr);
  // All that this command touches.
  const app = { registry: async () => commands, stdout, stderr, json: false } as Partial<App> as App;
  return runProgram(program, words, { stdout, stderr, env, open: async () => app, names: async () => [] });
}
