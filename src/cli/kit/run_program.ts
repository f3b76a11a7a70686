/** From command line to exit code: the part of a program's `main` that is the same for all commands. */
import type { Command, CommandCall, Program } from "./command.ts";
import { completeWords, completionText } from "./complete.ts";
import { dispatch } from "./dispatch.ts";
import { interruptedCode, reportFailure } from "./errors.ts";
import { UsageError } from "./usage_error.ts";

export interface TextStream {
  write(text: string): unknown;
  readonly columns?: number;
}

export interface RunOptions<App> {
  readonly stdout: TextStream;
  readonly stderr: TextStream;
  readonly env: Readonly<Record<string, string | undefined>>;
  /**
   * Makes what commands get as `app`, from the values of the global flags. Called for real commands only, never for
   * help, usage errors or completion scripts. An `AsyncDisposable` is disposed at the end.
   */
  open(
    globals: Readonly<Record<string, unknown>>,
    signal: AbortSignal,
    command: Command<App>,
    call: CommandCall<App>,
  ): App | Promise<App>;
  /** Names for dynamic completion; failures and absence count as none. */
  names?: Parameters<typeof completeWords<App>>[2];
  /** Takes Ctrl-C instead of the process's SIGINT, for tests. */
  readonly signal?: AbortSignal;
}

/** Runs one command line (without node and script). Never throws: failures are printed. Returns the exit code. */
export async function runProgram<App>(
  program: Program<App>,
  words: readonly string[],
  options: RunOptions<App>,
): Promise<number> {
  const { stdout, stderr, env } = options;
  let command: Command<App> | undefined;
  try {
    if (words[0] === "__complete") {
      stdout.write(completionText(await completeWords(program, words.slice(1), options.names, env)));
      return 0;
    }
    const width = stdout.columns;
    const found = dispatch(program, words, { env, ...(width === undefined ? {} : { width }) });
    if (found.kind === "help") {
      stdout.write(found.text);
      return 0;
    }
    command = found.command;
    return await withInterrupts(command, options.signal, async (signal) => {
      const { flags, given, args } = found;
      const app = await options.open(found.globals, signal, found.command, { flags: flags as never, args });
      try {
        return (await found.command.run({ flags: flags as never, given, args, app, signal })) ?? 0;
      } finally {
        await dispose(app);
      }
    });
  } catch (error) {
    const exitCode = error instanceof UsageError ? undefined : command?.failureCode;
    return reportFailure(error, stderr, {
      program: program.name,
      debug: Boolean(env["VARVE_DEBUG"]),
      ...(exitCode === undefined ? {} : { exitCode }),
    });
  }
}

async function dispose(app: unknown): Promise<void> {
  if (typeof app !== "object" || app === null || !(Symbol.asyncDispose in app)) return;
  await (app as AsyncDisposable)[Symbol.asyncDispose]();
}

/**
 * The first Ctrl-C (or SIGTERM) aborts the signal, so that the command can leave things whole; the second ends the
 * process at once. Commands with `ownSignals` handle both themselves.
 */
async function withInterrupts(
  command: Pick<Command, "ownSignals">,
  given: AbortSignal | undefined,
  work: (signal: AbortSignal) => Promise<number>,
): Promise<number> {
  if (given !== undefined) return work(given);
  const controller = new AbortController();
  if (command.ownSignals === true) return work(controller.signal);
  const interrupt = (): void => {
    if (controller.signal.aborted) process.exit(interruptedCode);
    controller.abort();
  };
  process.on("SIGINT", interrupt).on("SIGTERM", interrupt);
  try {
    return await work(controller.signal);
  } finally {
    process.off("SIGINT", interrupt).off("SIGTERM", interrupt);
  }
}

/**
 * Ends the process quietly when the reader of a stream goes away (`varve images | head -1`). To be called once for
 * each of stdout and stderr.
 */
export function exitOnBrokenPipe(stream: NodeJS.WriteStream): void {
  stream.on("error", (error: NodeJS.ErrnoException) => {
    // Whoever else listens has something to end first: a container, say.
    if (error.code === "EPIPE" && stream.listenerCount("error") > 1) return;
    if (error.code === "EPIPE") process.exit(0);
    throw error;
  });
}
