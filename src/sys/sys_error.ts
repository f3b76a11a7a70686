/** A failed system call as a {@link Failure}. */
import { constants } from "node:os";
import { getSystemErrorMap } from "node:util";
import { Failure } from "../errors.ts";
import { type ByteString, toText } from "../byte_string.ts";
import type { FailureKind } from "../errors.ts";

const kinds: Record<string, FailureKind> = {
  ENOENT: "not-found",
  EEXIST: "conflict",
  EPERM: "denied",
  EACCES: "denied",
  ENOSPC: "no-space",
  EDQUOT: "no-space",
  EOPNOTSUPP: "unsupported",
  ENOTSUP: "unsupported",
  ENOSYS: "unsupported",
};

/** Node does not know this one: a file where a mount needs a block device. */
const ENOTBLK = 15;
const names = new Map<number, string>([[ENOTBLK, "ENOTBLK"]]);
for (const [name, number] of Object.entries(constants.errno)) {
  // EAGAIN and EWOULDBLOCK, EOPNOTSUPP and ENOTSUP share a number on Linux: the first, most used name stays.
  if (!names.has(number)) names.set(number, name);
}

export class SysError extends Failure {
  /** Symbolic name: "ENOENT". */
  readonly code: string;
  readonly errno: number;
  readonly syscall: string;

  /** @param detail what the kernel said beside the number, put at the end of the message */
  constructor(errno: number, syscall: string, subject: ByteString = "", detail: ByteString = "") {
    const code = names.get(errno) ?? `E${errno}`;
    const said = errno === ENOTBLK ? "block device required" : describe(errno);
    const what = subject === "" ? syscall : `${syscall} ${toText(subject)}`;
    const more = detail === "" ? "" : `: ${toText(detail)}`;
    super(kinds[code] ?? "internal", `${what}: ${said} (${code})${more}`);
    this.name = "SysError";
    this.code = code;
    this.errno = errno;
    this.syscall = syscall;
  }
}

function describe(errno: number): string {
  return getSystemErrorMap().get(-errno)?.[1] ?? `error ${errno}`;
}

/** Tells whether `error` is a {@link SysError}, optionally with one of `codes`. */
export function isSysError(error: unknown, ...codes: string[]): error is SysError {
  return error instanceof SysError && (codes.length === 0 || codes.includes(error.code));
}
