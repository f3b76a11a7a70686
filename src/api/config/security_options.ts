/** `no-new-privileges` and `seccomp-profile`, for containers that say nothing of the kind. */
import { readFileSync } from "node:fs";
import type { DaemonSettings } from "../../engine/index.ts";
import { Failure } from "../../errors.ts";
import type { Directives } from "./directives.ts";

/** @throws Failure("invalid") for a profile that cannot be read */
export function securityOptions(given: Directives): Pick<DaemonSettings, "security"> {
  const profile = given["seccomp-profile"] ?? "";
  const noNewPrivileges = given["no-new-privileges"] === true;
  const seccomp = ["", "builtin", "default"].includes(profile) ? undefined : profileText(profile);
  return noNewPrivileges || seccomp !== undefined ? { security: { noNewPrivileges, seccomp } } : {};
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
    // In one line: it is kept with each container.
    return JSON.stringify(JSON.parse(text));
  } catch (error) {
    throw refuse((error as Error).message);
  }
}
