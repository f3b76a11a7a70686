/** `varve registry serve` as a process. */
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { bundle, program } from "./support.ts";

/** On no root of its own: what it needs is in its arguments. */
export const varve = program(process.execPath, bundle);

export interface Served extends AsyncDisposable {
  readonly address: string;
  readonly child: ChildProcess;
  /** Lines of the log so far. */
  readonly log: string[];
  /** Resolves at a line of the log, of the past or to come. @param times of so many such lines */
  logged(text: string, times?: number): Promise<void>;
  /** Exit code and signal. */
  readonly ended: Promise<[number | null, NodeJS.Signals | null]>;
}

/** Resolves when it listens. Disposal ends it as SIGTERM does. */
export async function serve(
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<Served> {
  const child = varve.start(["registry", "serve", "--addr", "127.0.0.1:0", ...args], { env });
  const ended = once(child, "close") as Served["ended"];
  const listening = Promise.withResolvers<string>();
  createInterface({ input: child.stdout! }).on("line", (line) => {
    const address = /^listening on https?:\/\/(.*)$/.exec(line)?.[1];
    if (address !== undefined) listening.resolve(address);
  });
  const log: string[] = [];
  const lines = createInterface({ input: child.stderr! }).on("line", (line) => log.push(line));
  void ended.then(() => listening.reject(new Error(`the registry ended: ${log.join("\n")}`)));
  return {
    address: await listening.promise,
    child,
    log,
    ended,
    logged: async (text, times = 1) => {
      while (log.filter((line) => line.includes(text)).length < times) await once(lines, "line");
    },
    [Symbol.asyncDispose]: async () => {
      child.kill();
      await ended;
    },
  };
}
