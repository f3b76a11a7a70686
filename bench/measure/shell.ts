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

/** Milliseconds that the last line may go on. */
const patience = 20_000;

/** @param command starts a shell that reads its standard input. Disposing ends the input and waits for it. */
export function openShell(
  command: readonly string[],
  { cgroup, signal, environment }: ProgramOptions,
): Shell {
  const [program = "", ...args] = cgroup === undefined ? command : inCgroup(cgroup, command);
  const child = spawn(program, args, {
    stdio: ["pipe", "pipe", "pipe"],
    env: { ...process.env, ...environment },
  });
  // Who asks hears of an early end from the missing answer.
  child.stdin.on("error", () => undefined);
  const said = lastWords(child);
  const closed = once(child, "close");
  const answers = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const stopped = once(signal, "abort").then(() => signal.throwIfAborted());
  stopped.catch(() => undefined);
  return {
    async ask(line) {
      signal.throwIfAborted();
      const start = performance.now();
      child.stdin.write(`${line} >/dev/null && echo done || echo failed\n`);
      const answer = await Promise.race([answers.next(), stopped]);
      if (answer?.value !== "done") throw new Error(`${line}: ${answer?.value ?? (await said)}`);
      return (performance.now() - start) / 1000;
    },
    [Symbol.asyncDispose]: async () => {
      // Killed, it would leave its container.
      child.stdin.end();
      const timer = setTimeout(() => child.kill("SIGKILL"), patience);
      await closed;
      clearTimeout(timer);
    },
  };
}
