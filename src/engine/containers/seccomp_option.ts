/** A seccomp profile of the user's, in Docker's format, made for one container (moby, profiles/seccomp/seccomp_linux.go). */
import { Failure } from "../../errors.ts";
import type { OciSeccomp, OciSeccompRule } from "../../runtime/index.ts";

interface Condition {
  readonly caps?: readonly string[] | null;
  readonly arches?: readonly string[] | null;
  readonly minKernel?: string | null;
}

interface ProfileRule {
  readonly name?: string;
  readonly names?: readonly string[] | null;
  readonly action: string;
  readonly errnoRet?: number | null;
  readonly args?: OciSeccompRule["args"] | null;
  readonly includes?: Condition | null;
  readonly excludes?: Condition | null;
}

interface Profile {
  readonly defaultAction?: string;
  readonly defaultErrnoRet?: number | null;
  readonly architectures?: readonly string[] | null;
  readonly archMap?: readonly {
    readonly architecture: string;
    readonly subArchitectures?: string[] | null;
  }[];
  readonly syscalls?: readonly ProfileRule[] | null;
}

/** What a profile's conditions are compared with. */
export interface SeccompHost {
  readonly capabilities: readonly string[];
  /** As Node has it. */
  readonly architecture: string;
  /** `uname -r`. */
  readonly kernel: string;
}

const native: Readonly<Record<string, { readonly go: string; readonly seccomp: string }>> = {
  x64: { go: "amd64", seccomp: "SCMP_ARCH_X86_64" },
  arm64: { go: "arm64", seccomp: "SCMP_ARCH_AARCH64" },
};

/** @throws Failure("invalid") in Docker's words for what is no profile */
export function readSeccompProfile(json: string, host: SeccompHost): OciSeccomp {
  const profile = parsed(json);
  const { architectures, archMap = [], syscalls } = profile;
  if (architectures?.length && archMap.length > 0) {
    throw new Failure("invalid", "both 'architectures' and 'archMap' are specified in the seccomp profile");
  }
  const own = native[host.architecture];
  const mapped = archMap.find(({ architecture }) => architecture === own?.seccomp);
  const all = mapped === undefined ? [] : [mapped.architecture, ...(mapped.subArchitectures ?? [])];
  return {
    defaultAction: profile.defaultAction ?? "",
    ...(typeof profile.defaultErrnoRet === "number" && { defaultErrnoRet: profile.defaultErrnoRet }),
    architectures: architectures?.length ? architectures : all,
    syscalls: (syscalls ?? []).filter((rule) => applies(rule, host, own?.go)).map(ruleOf),
  };
}

function parsed(json: string): Profile {
  let value: unknown;
  try {
    value = JSON.parse(json);
  } catch (cause) {
    const { message } = cause as Error;
    throw new Failure("invalid", `Decoding seccomp profile failed: ${message}`, { cause });
  }
  if (typeof value === "object" && value !== null && !Array.isArray(value)) return value as Profile;
  throw new Failure("invalid", "Decoding seccomp profile failed: it is no object");
}

function ruleOf(rule: ProfileRule): OciSeccompRule {
  if (rule.name && rule.names?.length) {
    throw new Failure(
      "invalid",
      "'name' and 'names' were specified in the seccomp profile, use either 'name' or 'names'",
    );
  }
  return {
    names: rule.name ? [rule.name] : (rule.names ?? []),
    action: rule.action,
    ...(typeof rule.errnoRet === "number" && { errnoRet: rule.errnoRet }),
    ...(rule.args?.length && { args: rule.args }),
  };
}

function applies({ includes, excludes }: ProfileRule, host: SeccompHost, arch: string | undefined): boolean {
  const { capabilities, kernel } = host;
  const has = (name: string): boolean => capabilities.includes(name);
  if (excludes?.arches?.some((each) => each === arch) || excludes?.caps?.some(has)) return false;
  if (excludes?.minKernel && isKernel(kernel, excludes.minKernel)) return false;
  if (includes?.arches?.length && !includes.arches.some((each) => each === arch)) return false;
  if (includes?.minKernel && !isKernel(kernel, includes.minKernel)) return false;
  return (includes?.caps ?? []).every(has);
}

/** Whether a kernel is at least as new as `4.8`. */
function isKernel(release: string, least: string): boolean {
  const [major = 0, minor = 0] = release.split(/[.-]/).map(Number);
  const [leastMajor = 0, leastMinor = 0] = least.split(".").map(Number);
  return major > leastMajor || (major === leastMajor && minor >= leastMinor);
}
