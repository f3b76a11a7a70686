/** Cause of the `Failure` of a `RUN` whose command did not end well, for programs: what its message says in words. */
export class CommandExit extends Error {
  /** 128 + n after signal n. */
  readonly code: number;
  /** Its words with blanks between: `/bin/sh -c make`. */
  readonly command: string;
  /** `Dockerfile:3: RUN make`. */
  readonly where: string;
  /** The last lines that it printed, without control characters; "" if there are none. */
  readonly output: string;

  constructor(code: number, { command, where, output }: Pick<CommandExit, "command" | "where" | "output">) {
    super(`exit code: ${code}`);
    this.name = "CommandExit";
    this.code = code;
    this.command = command;
    this.where = where;
    this.output = output;
  }
}
