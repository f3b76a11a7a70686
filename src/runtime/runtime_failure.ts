/** What shims and runtimes say, in Docker's words and with Docker's exit codes. */
import { Failure, isFailure } from "../errors.ts";

/** dockerd's hint for a mount of a file on a directory or the reverse (moby daemon/errors.go). */
const mountHint =
  "Are you trying to mount a directory onto a file (or vice-versa)? Check if the specified host path exists " +
  "and is the expected type";

/**
 * Words a failed `create` or `start` as `docker run` prints it: containerd puts "failed to create shim task" before
 * the runtime's own text, and the status name "unknown" after it.
 */
export function runtimeFailure(step: "create" | "start", error: unknown): unknown {
  if (!isFailure(error) || !error.message.startsWith("OCI runtime")) return error;
  const text = `${step === "create" ? "failed to create shim task: " : ""}${error.message}: unknown`;
  const mount = error.message.includes("not a directory") && error.message.includes("mount");
  return new Failure(error.kind, mount ? `${text}: ${mountHint}` : text, { cause: error });
}

/**
 * The exit code of `docker run` for a container that could not be started: 127 command not found, 126 found but
 * not executable, 125 anything else. By the words of the message, as crude as docker/cli's own rule
 * (cli/command/container/run.go, `runStartContainerErr`), so that scripts see the same codes.
 */
export function exitCodeOfFailure(error: unknown): 125 | 126 | 127 {
  const text = error instanceof Error ? error.message.toLowerCase() : "";
  // crun says "No such file or directory" where runc says "no such file or directory".
  if (text.includes("executable file not found") || text.includes("no such file or directory")) return 127;
  if (text.includes("executable file `") && text.includes("not found")) return 127;
  if (text.includes("permission denied")) return 126;
  return 125;
}
