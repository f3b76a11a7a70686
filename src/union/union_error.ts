/** How the merged view fails: with the error numbers of Linux, on every machine. */
import { type ByteString, toText } from "../byte_string.ts";
import { Failure, type FailureKind } from "../errors.ts";

const errors = {
  EBADF: ["invalid", "bad file descriptor"],
  EBUSY: ["conflict", "resource busy or locked"],
  EEXIST: ["conflict", "file already exists"],
  EINVAL: ["invalid", "invalid argument"],
  EISDIR: ["invalid", "illegal operation on a directory"],
  ELOOP: ["invalid", "too many symbolic links encountered"],
  ENAMETOOLONG: ["invalid", "name too long"],
  ENODATA: ["not-found", "no data available"],
  ENOENT: ["not-found", "no such file or directory"],
  ENOTDIR: ["invalid", "not a directory"],
  ENOTEMPTY: ["conflict", "directory not empty"],
  EPERM: ["denied", "operation not permitted"],
  EROFS: ["denied", "read-only file system"],
  EXDEV: ["unsupported", "cross-device link not permitted"],
} as const satisfies Record<string, readonly [FailureKind, string]>;

export type UnionErrorCode = keyof typeof errors;

export class UnionError extends Failure {
  /** Symbolic name: "ENOENT". */
  readonly code: UnionErrorCode;
  readonly operation: string;

  constructor(code: UnionErrorCode, operation: string, path: ByteString) {
    const [kind, said] = errors[code];
    super(kind, `${operation} /${toText(path.replace(/^\/+/, ""))}: ${said} (${code})`);
    this.name = "UnionError";
    this.code = code;
    this.operation = operation;
  }
}

/** Tells whether `error` is a {@link UnionError}, optionally with one of `codes`. */
export function isUnionError(error: unknown, ...codes: UnionErrorCode[]): error is UnionError {
  return error instanceof UnionError && (codes.length === 0 || codes.includes(error.code));
}
