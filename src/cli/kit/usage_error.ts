import { Failure } from "../../errors.ts";

/** A command line that cannot be understood. `text` is what is printed, in the layout of Docker's CLI. */
export class UsageError extends Failure {
  readonly text: string;
  /** Docker's: 125 for flags, 1 for arguments and unknown commands. */
  readonly exitCode: number;

  constructor(message: string, text: string, exitCode: number) {
    super("invalid", message);
    this.name = "UsageError";
    this.text = text;
    this.exitCode = exitCode;
  }
}
