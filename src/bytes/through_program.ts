/** Bytes through another program's standard input and output. */
import { spawn } from "node:child_process";
import { pipeline, Readable } from "node:stream";
import { Failure } from "../errors.ts";
import type { ByteSource } from "./place.ts";

/**
 * What `program args...` makes of the source's bytes. The program is started when the first chunk is asked for and
 * killed on early return. Throws `Failure("unsupported")` if it is not installed, `Failure("corrupt")` with its
 * first line of complaint if it fails, and whatever the source throws.
 */
export async function* throughProgram(
  source: ByteSource,
  program: string,
  args: readonly string[],
): AsyncGenerator<Uint8Array, void, undefined> {
  const child = spawn(program, args, { stdio: ["pipe", "pipe", "pipe"] });
  const { promise: ended, resolve } = Promise.withResolvers<Failure | undefined>();
  let complaint = "";
  child.stderr.setEncoding("utf8").on("data", (text: string) => (complaint += text.slice(0, 1000)));
  child.on("error", (error) => resolve(cannotStart(program, error)));
  child.on("close", (code, signal) => {
    const why = complaint.split("\n", 1)[0] || `it ended with ${signal ?? code}`;
    resolve(code === 0 ? undefined : new Failure("corrupt", `${program} cannot read this: ${why}`));
  });
  let sourceError: unknown;
  pipeline(Readable.from(source, { objectMode: false }), child.stdin, (error) => {
    // EPIPE only says that the program gave up; why, it says itself.
    const { code } = (error ?? {}) as NodeJS.ErrnoException;
    if (
      !error ||
      code === "EPIPE" ||
      code === "ERR_STREAM_PREMATURE_CLOSE" ||
      code === "ERR_STREAM_DESTROYED"
    )
      return;
    sourceError = error;
    child.kill("SIGKILL");
  });
  try {
    for await (const chunk of child.stdout) yield chunk as Buffer;
    const failure = await ended;
    if (sourceError !== undefined) throw sourceError;
    if (failure !== undefined) throw failure;
  } finally {
    child.kill("SIGKILL");
    await ended;
  }
}

function cannotStart(program: string, error: Error): Failure {
  const { code } = error as NodeJS.ErrnoException;
  if (code !== "ENOENT")
    return new Failure("internal", `cannot start ${program}: ${error.message}`, { cause: error });
  return new Failure("unsupported", `cannot read ${program} data: the program ${program} is not installed`, {
    hint: `Install ${program}, or compress with gzip or zstd.`,
    cause: error,
  });
}
