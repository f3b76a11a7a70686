/** A shell that stays open and is told what to do. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { inCgroup } from "./cgroup.ts";
import { lastWords, type ProgramOptions } from "./program.ts";

export interface Shell extends AsyncDisposable {
  /** Runs a line. @returns the seconds until it was done; throws Error if it failed, or the shell ended */
  ask(line: string): Promise<number>;
}

/** @param command starts a shell that reads its standard input. Disposing ends the input and waits for it. */
export function openShell(
  command: readonly string[],
  { cgroup, signal, environment }: ProgramOptions,
): Shell {
  const [program, ...args] = inCgroup(cgroup, command);
  const child = spawn(program, args, {
    stdio: ["pipe", "pipe", "pipe"],
    env: { ...process.env, ...environment },
  });
  // Who asks hears of an early end from the missing answer.
  child.stdin.on("error", () => undefined);
  const said = lastWords(child);
  const closed = once(child, "close");
  const answers = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const kill = (): void => void child.kill("SIGKILL");
  signal.addEventListener("abort", kill);
  return {
    async ask(line) {
      const start = performance.now();
      child.stdin.write(`${line} >/dev/null && echo done || echo failed\n`);
      const answer = await answers.next();
      signal.throwIfAborted();
      if (answer.value !== "done") throw new Error(`${line}: ${answer.value ?? (await said)}`);
      return (performance.now() - start) / 1000;
    },
    [Symbol.asyncDispose]: async () => {
      child.stdin.end();
      await closed;
      signal.removeEventListener("abort", kill);
    },
  };
}
