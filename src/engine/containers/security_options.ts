/** `--security-opt`: what a container may and may not do beside its capabilities (moby, daemon/daemon_unix.go). */
import { release } from "node:os";
import { Failure } from "../../errors.ts";
import { containerCapabilities, type OciSeccomp } from "../../runtime/index.ts";
import type { HostConfig } from "./record.ts";
import { readSeccompProfile } from "./seccomp_option.ts";

export interface SecurityOptions {
  readonly noNewPrivileges: boolean;
  /** `unconfined`, or the text of a profile; undefined: the default one. */
  readonly seccomp: string | undefined;
}

/**
 * Options of SELinux and AppArmor are taken, and mean nothing here.
 * @throws Failure("invalid") in Docker's words
 */
export function parseSecurityOptions(options: readonly string[]): SecurityOptions {
  let noNewPrivileges = false;
  let seccomp: string | undefined;
  for (const option of options) {
    if (option === "no-new-privileges") noNewPrivileges = true;
    else if (option !== "disable") {
      const [name, value] = pair(option);
      if (name === "seccomp") seccomp = value === "builtin" ? undefined : value;
      else if (name === "no-new-privileges") noNewPrivileges = truth(value, option);
      else if (name !== "label" && name !== "apparmor") throw invalid(2, option);
    }
  }
  return { noNewPrivileges, seccomp };
}

/** Docker takes the older `name:value`, too. */
function pair(option: string): [string, string] {
  const at = option.includes("=") ? option.indexOf("=") : option.indexOf(":");
  if (at < 0) throw invalid(1, option);
  return [option.slice(0, at), option.slice(at + 1)];
}

/** Go's strconv.ParseBool. */
function truth(value: string, option: string): boolean {
  if (/^(1|t|T|true|TRUE|True)$/.test(value)) return true;
  if (/^(0|f|F|false|FALSE|False)$/.test(value)) return false;
  throw invalid(2, option);
}

function invalid(place: 1 | 2, option: string): Failure {
  return new Failure("invalid", `invalid --security-opt ${place}: ${JSON.stringify(option)}`);
}

/** What the runtime is told; undefined: the default profile. */
export function seccompOf(hostConfig: HostConfig): "unconfined" | OciSeccomp | undefined {
  const { seccomp } = parseSecurityOptions(hostConfig.SecurityOpt ?? []);
  if (seccomp === undefined || seccomp === "unconfined") return seccomp;
  const { CapAdd, CapDrop, Privileged } = hostConfig;
  const capabilities = containerCapabilities({
    add: CapAdd ?? [],
    drop: CapDrop ?? [],
    privileged: Privileged,
  });
  return readSeccompProfile(seccomp, { capabilities, architecture: process.arch, kernel: release() });
}
