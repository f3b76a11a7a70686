/** Cause of the `Failure` of a `RUN` whose command did not end well, for programs: what its message says in words. */
export class CommandExit extends Error {
  /** 128 + n after signal n. */
  readonly code: number;
  /** `Dockerfile:3: RUN make`. */
  readonly where: string;
  /** The last lines that it printed, without control characters; "" if there are none. */
  readonly output: string;

  constructor(code: number, { where, output }: { readonly where: string; readonly output: string }) {
    super(`exit code: ${code}`);
    this.name = "CommandExit";
    this.code = code;
    this.where = where;
    this.output = output;
  }
}
