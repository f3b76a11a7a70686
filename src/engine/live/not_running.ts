import { Failure, type FailureOptions } from "../../errors.ts";

/** What only a container that runs can do was asked of another (moby, daemon/errors.go, `errNotRunning`). */
export function notRunning(id: string, options?: FailureOptions): Failure {
  return new Failure("conflict", `Container ${id} is not running`, options);
}
