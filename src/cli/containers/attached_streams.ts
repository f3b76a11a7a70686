import { Failure } from "../../errors.ts";
import type { AttachedStreams } from "./container_config.ts";

export interface AttachFlagValues {
  readonly attach: readonly string[];
  readonly detach: boolean;
  readonly interactive: boolean;
}

/** What `-a`, `-d` and `-i` say together. Throws `Failure("invalid")` in Docker's words. */
export function attachedStreams({ attach, detach, interactive }: AttachFlagValues): AttachedStreams {
  const named = new Set(attach.map((name) => name.toLowerCase()));
  for (const name of named) {
    if (!["stdin", "stdout", "stderr"].includes(name)) {
      throw new Failure(
        "invalid",
        `invalid argument "${name}" for "-a, --attach" flag: valid streams are STDIN, STDOUT and STDERR`,
      );
    }
  }
  if (detach && named.size > 0) {
    throw new Failure("invalid", "conflicting options: cannot specify both --attach and --detach");
  }
  if (detach) return { stdin: false, stdout: false, stderr: false };
  if (named.size === 0) return { stdin: interactive, stdout: true, stderr: true };
  return { stdin: named.has("stdin"), stdout: named.has("stdout"), stderr: named.has("stderr") };
}
