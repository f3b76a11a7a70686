/**
 * A flag of Docker's that cannot be honoured: it is not in the help, and says why when it is given. It never takes the next
 * word, which does not matter then.
 */
export function refusedFlag<const Why extends string>(why: Why) {
  return { kind: "string", bare: "", hidden: true, help: why, refused: why } as const;
}

/** One that changes nothing here: command lines that were written for Docker go on working. */
export const contentTrust = {
  kind: "boolean",
  default: true,
  hidden: true,
  help: "Accepted for Docker's sake: signatures are not verified",
} as const;
