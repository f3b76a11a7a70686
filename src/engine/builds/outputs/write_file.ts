/** A result into a file or onto standard output. */
import { stat, rename, rm } from "node:fs/promises";
import { toFile, type ByteSource } from "../../../bytes/index.ts";

/** Destinations of this process, so that two builds into the same file have a file of their own beside it. */
let destinations = 0;

/** Takes all bytes of a source, at its own pace. */
export type WriteOut = (bytes: ByteSource) => Promise<void>;

/**
 * Writes beside and renames, so that nobody ever finds half a file; what is no regular file (`/dev/null`, a FIFO) is
 * written to as it is. @param path `-` is standard output
 */
export async function writeDestination(
  path: string,
  bytes: ByteSource,
  { stdout, signal }: { readonly stdout: WriteOut; readonly signal: AbortSignal },
): Promise<void> {
  if (path === "-") return stdout(bytes);
  const there = await stat(path).catch(() => undefined);
  if (there !== undefined && !there.isFile()) return void (await toFile(bytes, path, { flags: "w", signal }));
  const beside = `${path}.${process.pid}-${++destinations}.partial`;
  try {
    await toFile(bytes, beside, { flags: "w", sync: true, signal });
    await rename(beside, path);
  } catch (error) {
    await rm(beside, { force: true });
    throw error;
  }
}
