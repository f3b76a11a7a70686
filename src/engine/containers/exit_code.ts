/** What `run` ends with when the container could not be run. */

/** 126 for a command that cannot be invoked, 127 for one that is not found, 125 for everything else. */
export async function containerExitCode(error: unknown): Promise<125 | 126 | 127> {
  return (await import("../../runtime/index.ts")).exitCodeOfFailure(error);
}
