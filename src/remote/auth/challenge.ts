/** `WWW-Authenticate`: what a registry wants to see (RFC 9110 section 11.6.1; RFC 6750 for Bearer). */

export interface Challenge {
  /** Lower case: `bearer`, `basic`. */
  readonly scheme: string;
  /** Lower-case names. */
  readonly parameters: Readonly<Record<string, string>>;
}

/**
 * Reads one header line; several challenges may stand in it:
 *
 *     challenges := challenge { "," challenge }
 *     challenge  := scheme [ parameter { "," parameter } ]
 *     parameter  := token "=" ( token | quoted-string )
 *
 * What does not fit is skipped. Linear in the header's length.
 */
export function parseChallenges(header: string | undefined): Challenge[] {
  const challenges: { scheme: string; parameters: Record<string, string> }[] = [];
  const item = /([!#$%&'*+.^_`|~\w-]+)(?:\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s,"]*)))?/g;
  for (const [, name = "", quoted, plain] of (header ?? "").matchAll(item)) {
    const value = quoted?.replace(/\\(.)/g, "$1") ?? plain;
    if (value === undefined) challenges.push({ scheme: name.toLowerCase(), parameters: {} });
    else if (challenges.length > 0) challenges.at(-1)!.parameters[name.toLowerCase()] = value;
  }
  return challenges;
}

/** The challenge that we can meet: Bearer before Basic. */
export function chooseChallenge(header: string | undefined): Challenge | undefined {
  const all = parseChallenges(header);
  return all.find(({ scheme }) => scheme === "bearer") ?? all.find(({ scheme }) => scheme === "basic");
}
