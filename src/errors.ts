/**
 * The closed set of ways in which varve fails, and the one error class that carries them.
 *
 * A message says what was tried, on what, and in which state it was found; it has no final full stop.
 * Where Docker's clients match Docker's own text, the message is Docker's text.
 */

export const failureKinds = [
  /** The caller's input is malformed: a bad reference, a bad flag, a hostile tar or manifest. */
  "invalid",
  /** The thing named does not exist. */
  "not-found",
  /** The thing exists already, or something else holds it. */
  "conflict",
  /** Bytes do not match their digest, size or grammar: nothing of them was kept. */
  "corrupt",
  /** A bound was passed: size, depth, count. */
  "limit",
  /** Credentials are missing or wrong. */
  "unauthorized",
  /** Credentials are right but do not permit this; or the kernel refuses (EPERM, EACCES). */
  "denied",
  /** This machine, kernel or build cannot do it. */
  "unsupported",
  /** A peer (registry, proxy, shim) cannot be reached or answers nonsense. */
  "unavailable",
  /** The disk is full, or a quota is used up. */
  "no-space",
  /** The caller cancelled it. */
  "cancelled",
  /** A fault of the machine or of varve. */
  "internal",
] as const;

export type FailureKind = (typeof failureKinds)[number];

export interface FailureOptions {
  /** What the user can do about it: one sentence, shown below the message. */
  readonly hint?: string;
  readonly cause?: unknown;
}

export class Failure extends Error {
  readonly kind: FailureKind;
  readonly hint: string | undefined;

  constructor(kind: FailureKind, message: string, options: FailureOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = "Failure";
    this.kind = kind;
    this.hint = options.hint;
  }
}

/** Tells whether `error` is a {@link Failure}, optionally of one kind. */
export function isFailure(error: unknown, kind?: FailureKind): error is Failure {
  return isOfThis(error) && (kind === undefined || error.kind === kind);
}

/** The registry is a bundle of its own, with a class of its own. */
function isOfThis(error: unknown): error is Failure {
  if (error instanceof Failure) return true;
  return error instanceof Error && error.name === "Failure" && failureKinds.includes((error as Failure).kind);
}
