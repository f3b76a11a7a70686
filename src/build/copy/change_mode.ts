/**
 * `--chmod`:
 *
 *     mode    = octal | clause { "," clause }
 *     clause  = { "u" | "g" | "o" | "a" } action { action }
 *     action  = ( "+" | "-" | "=" ) ( { "r" | "w" | "x" | "X" | "s" | "t" } | "u" | "g" | "o" )
 *
 * as chmod(1) has it without a umask.
 */
import { Failure } from "../../errors.ts";

export interface ModeChange {
  /** The mode that all get, where it was given in digits. */
  readonly fixed?: number;
  /** @param mode permission bits with set-id and sticky bits */
  apply(mode: number, isDirectory: boolean): number;
}

interface Action {
  readonly who: string;
  readonly operator: string;
  readonly permissions: string;
}

/** Throws `Failure("invalid")`, for what looks like a number with BuildKit's words. */
export function parseModeChange(text: string): ModeChange {
  if (/^[0-9]/.test(text)) {
    const fixed = /^[0-7]+$/.test(text) ? Number.parseInt(text, 8) : Infinity;
    if (fixed > 0o7777) {
      const what = "it should be octal string and between 0 and 07777";
      throw new Failure("invalid", `invalid chmod parameter: '${text}'. ${what}`);
    }
    return { fixed, apply: () => fixed };
  }
  const actions = text.split(",").flatMap((clause) => actionsOf(clause, text));
  return {
    apply: (mode, isDirectory) => actions.reduce((now, action) => step(now, action, isDirectory), mode),
  };
}

function actionsOf(clause: string, text: string): Action[] {
  const parts = /^([ugoa]*)((?:[-+=](?:[rwxXst]*|[ugo]))+)$/.exec(clause);
  if (parts === null) {
    throw new Failure("invalid", `invalid chmod parameter: '${text}'`, {
      hint: "it is octal as in 0755, or symbolic as in u+x,g=r",
    });
  }
  const [, who = "", rest = ""] = parts;
  const everyone = who === "" || who.includes("a") ? "ugo" : who;
  return [...rest.matchAll(/([-+=])([rwxXstugo]*)/g)].map(([, operator = "", permissions = ""]) => ({
    who: everyone,
    operator,
    permissions,
  }));
}

const shifts = { u: 6, g: 3, o: 0 } as const;
const isPerson = (who: string): who is keyof typeof shifts => who in shifts;

function step(mode: number, { who, operator, permissions }: Action, isDirectory: boolean): number {
  let bits = 0;
  let mask = 0;
  for (const person of who) {
    if (!isPerson(person)) continue;
    bits |= bitsFor(person, permissions, mode, isDirectory);
    mask |= 0o7 << shifts[person];
    if (person === "u") mask |= 0o4000;
    if (person === "g") mask |= 0o2000;
  }
  if (who === "ugo") mask |= 0o1000;
  if (operator === "+") return mode | bits;
  return operator === "-" ? mode & ~bits : (mode & ~mask) | bits;
}

function bitsFor(
  person: keyof typeof shifts,
  permissions: string,
  mode: number,
  isDirectory: boolean,
): number {
  const shift = shifts[person];
  if (isPerson(permissions)) return ((mode >> shifts[permissions]) & 0o7) << shift;
  let bits = 0;
  for (const permission of permissions) {
    if (permission === "r") bits |= 4 << shift;
    else if (permission === "w") bits |= 2 << shift;
    else if (permission === "x" || (permission === "X" && (isDirectory || (mode & 0o111) !== 0)))
      bits |= 1 << shift;
    else if (permission === "s" && person !== "o") bits |= person === "u" ? 0o4000 : 0o2000;
    else if (permission === "t") bits |= 0o1000;
  }
  return bits;
}
