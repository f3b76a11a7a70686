/** `--security-opt`: what a container may and may not do beside its capabilities (moby, daemon/daemon_unix.go). */
import { release } from "node:os";
import { Failure } from "../../errors.ts";
import { containerCapabilities, type OciSeccomp } from "../../runtime/index.ts";
import type { ContainerRecord, HostConfig } from "./record.ts";
import { readSeccompProfile } from "./seccomp_option.ts";

export interface SecurityOptions {
  readonly noNewPrivileges: boolean;
  /** `unconfined`, or the text of a profile; undefined: the default one. */
  readonly seccomp: string | undefined;
}

export const noSecurityOptions: SecurityOptions = { noNewPrivileges: false, seccomp: undefined };

/**
 * Options of SELinux and AppArmor are taken, and mean nothing here.
 * @param usual holds where the options say nothing
 * @throws Failure("invalid") in Docker's words
 */
export function parseSecurityOptions(
  options: readonly string[],
  usual: SecurityOptions = noSecurityOptions,
): SecurityOptions {
  let { noNewPrivileges, seccomp } = usual;
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

/**
 * Of a container; its record tells what its daemon asked for when it was made. Records of older versions of ours tell
 * nothing, not even the container's own options.
 */
export function securityOf(
  { NoNewPrivileges = false, SeccompProfile = "" }: SecurityOnRecord,
  { SecurityOpt }: HostConfig,
): SecurityOptions {
  const seccomp = SeccompProfile === "" || SeccompProfile === "builtin" ? undefined : SeccompProfile;
  return parseSecurityOptions(SecurityOpt ?? [], { noNewPrivileges: NoNewPrivileges, seccomp });
}

type SecurityOnRecord = Pick<ContainerRecord, "NoNewPrivileges" | "SeccompProfile">;

/** For the record of a new container. @param usual what its daemon asks for; privileged ones have no profile but their own */
export function securityOnRecord(
  { SecurityOpt, Privileged }: HostConfig,
  usual: SecurityOptions,
): Required<SecurityOnRecord> {
  const { noNewPrivileges, seccomp = "" } = parseSecurityOptions(
    SecurityOpt ?? [],
    Privileged ? { ...usual, seccomp: undefined } : usual,
  );
  return { NoNewPrivileges: noNewPrivileges, SeccompProfile: seccomp };
}

/** What the runtime is told; undefined: the default profile. */
export function seccompOf(
  { seccomp }: SecurityOptions,
  hostConfig: HostConfig,
): "unconfined" | OciSeccomp | undefined {
  if (seccomp === undefined || seccomp === "unconfined") return seccomp;
  const { CapAdd, CapDrop, Privileged } = hostConfig;
  const capabilities = containerCapabilities({
    add: CapAdd ?? [],
    drop: CapDrop ?? [],
    privileged: Privileged,
  });
  return readSeccompProfile(seccomp, { capabilities, architecture: process.arch, kernel: release() });
}
