/** `no-new-privileges` and `seccomp-profile`, as options of containers that say nothing of the kind. */
import { readFileSync } from "node:fs";
import { Failure } from "../../errors.ts";
import type { Directives } from "./directives.ts";

/** @throws Failure("invalid") for a profile that cannot be read */
export function securityOptions(given: Directives): { readonly SecurityOpt?: string[] } {
  const profile = given["seccomp-profile"] ?? "";
  const options = [
    ...(given["no-new-privileges"] === true ? ["no-new-privileges"] : []),
    ...(["", "builtin", "default"].includes(profile) ? [] : [`seccomp=${profileText(profile)}`]),
  ];
  return options.length === 0 ? {} : { SecurityOpt: options };
}

function profileText(profile: string): string {
  if (profile === "unconfined") return profile;
  const refuse = (why: string): Failure =>
    new Failure("invalid", `opening seccomp profile (${profile}) failed: ${why}`);
  let text: string;
  try {
    text = readFileSync(profile, "utf8");
  } catch (error) {
    const missing = (error as NodeJS.ErrnoException).code === "ENOENT";
    throw refuse(missing ? `open ${profile}: no such file or directory` : (error as Error).message);
  }
  try {
    // In one line: it is shown with each container.
    return JSON.stringify(JSON.parse(text));
  } catch (error) {
    throw refuse((error as Error).message);
  }
}

const nameOf = (option: string): string => option.split(/[=:]/, 1)[0] ?? "";

/** A privileged container has no profile but its own. */
export function joinSecurityOptions(
  own: readonly string[],
  usual: readonly string[],
  privileged: boolean,
): string[] {
  const given = new Set(own.map(nameOf));
  const added = usual.filter((option) => !given.has(nameOf(option)));
  return [...own, ...added.filter((option) => !privileged || nameOf(option) !== "seccomp")];
}
