/** A full disk: it shows in many places in many shapes, and leaves here in one. */
import { Failure, isFailure } from "../errors.ts";

/** Whether the disk, or the user's share of it, is full. */
export function isDiskFull(error: unknown): boolean {
  const code = (error as NodeJS.ErrnoException | undefined)?.code;
  return isFailure(error, "no-space") || code === "ENOSPC" || code === "EDQUOT";
}

/** The failure to show for a full disk below the data root `root`, which it names; any other error as it is. */
export function explainDiskFull(root: string, error: unknown): unknown {
  if (!isDiskFull(error)) return error;
  const message = isFailure(error) ? error.message : `cannot write below ${root}: no space left on device`;
  return new Failure("no-space", message, {
    hint: `Free space on the disk that holds ${root}: \`varve system df\` shows what takes it, \`varve system prune\` frees some.`,
    cause: error,
  });
}
