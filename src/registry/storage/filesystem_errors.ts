/** What the kernel says, as the failures that the registry knows. */
import { Failure, isFailure, type FailureKind } from "../../errors.ts";

const kinds: Readonly<Record<string, FailureKind>> = {
  ENOENT: "not-found",
  ENOTDIR: "not-found",
  EACCES: "denied",
  EPERM: "denied",
  EROFS: "denied",
  ENOSPC: "no-space",
  EDQUOT: "no-space",
  EIO: "unavailable",
  ESTALE: "unavailable",
  EMFILE: "unavailable",
  ENFILE: "unavailable",
};

/** For `catch`: rethrows as a `Failure`. `what` is a verb, `path` the path within the storage. */
export function storageFailure(what: string, path: string): (error: unknown) => never {
  return (error) => {
    if (isFailure(error)) throw error;
    const { code = "", name, message } = error as NodeJS.ErrnoException;
    if (name === "AbortError") throw new Failure("cancelled", `${what} ${path}: cancelled`, { cause: error });
    const kind = kinds[code];
    // A fault of the source that was being written is not ours to name.
    if (kind === undefined) throw error;
    const found = kind === "not-found" ? "no such file" : message;
    throw new Failure(kind, `cannot ${what} ${path}: ${found}`, { cause: error });
  };
}

/** For `catch`: nothing there is no failure. ENOTDIR too: a name may be asked for below what is a file. */
export function unlessMissing(error: NodeJS.ErrnoException): undefined {
  if (error.code === "ENOENT" || error.code === "ENOTDIR") return undefined;
  throw error;
}
