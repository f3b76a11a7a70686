import { Failure } from "../../errors.ts";

/** What is thrown when the daemon goes away in the middle of an answer, as a failure; anything else as it is. */
export function brokenConnection(error: unknown): unknown {
  const { code } = error as NodeJS.ErrnoException;
  if (code !== "ECONNRESET" && code !== "EPIPE" && code !== "ERR_STREAM_PREMATURE_CLOSE") return error;
  return new Failure("unavailable", "the connection to the daemon broke", {
    hint: "A container lives on without it: 'varve daemon' finds it again.",
    cause: error,
  });
}
