/**
 * Docker 20.10's default seccomp profile, made for one container. What depends on a capability was found by giving
 * a real daemon (20.10.24) one capability after the other and comparing the profiles that it wrote; what depends on
 * the architecture is from docs.docker.com/engine/security/seccomp and the kernel's system call tables.
 */
import { allowedSyscalls } from "./allowed_syscalls.ts";
import type { OciSeccomp, OciSeccompRule } from "./oci_spec.ts";
import { words } from "./words.ts";

/** As Node names it. */
export type SeccompArchitecture = "x64" | "arm64";

const allow = "SCMP_ACT_ALLOW";

const architectures: Record<SeccompArchitecture, readonly string[]> = {
  x64: ["SCMP_ARCH_X86_64", "SCMP_ARCH_X86", "SCMP_ARCH_X32"],
  arm64: ["SCMP_ARCH_ARM", "SCMP_ARCH_AARCH64"],
};

/** The calls that exist, or are needed, on one architecture only. */
const architectureCalls: Record<SeccompArchitecture, readonly string[]> = {
  x64: ["arch_prctl", "modify_ldt"],
  arm64: words("arm_fadvise64_64 arm_sync_file_range sync_file_range2 breakpoint cacheflush set_tls"),
};

/** What a capability opens, in addition. */
const capabilityCalls: readonly (readonly [capability: string, calls: readonly string[]])[] = [
  ["CAP_DAC_READ_SEARCH", ["open_by_handle_at"]],
  [
    "CAP_SYS_ADMIN",
    words(`
  bpf clone clone3 fanotify_init fsconfig fsmount fsopen fspick lookup_dcookie mount mount_setattr
  move_mount name_to_handle_at open_tree perf_event_open quotactl quotactl_fd setdomainname
  sethostname setns syslog umount umount2 unshare
`),
  ],
  ["CAP_SYS_BOOT", ["reboot"]],
  ["CAP_SYS_CHROOT", ["chroot"]],
  ["CAP_SYS_MODULE", ["delete_module", "init_module", "finit_module"]],
  ["CAP_SYS_PACCT", ["acct"]],
  ["CAP_SYS_PTRACE", ["kcmp", "pidfd_getfd", "process_madvise", "process_vm_readv", "process_vm_writev"]],
  ["CAP_SYS_RAWIO", ["iopl", "ioperm"]],
  ["CAP_SYS_TIME", ["settimeofday", "stime", "clock_settime"]],
  ["CAP_SYS_TTY_CONFIG", ["vhangup"]],
  ["CAP_SYS_NICE", ["get_mempolicy", "mbind", "set_mempolicy"]],
  ["CAP_SYSLOG", ["syslog"]],
];

/**
 * personality(2) only for what changes nothing dangerous: PER_LINUX, PER_LINUX32, UNAME26, both, and the query
 * 0xffffffff. ADDR_NO_RANDOMIZE is what stays shut.
 */
const personalities = [0x0, 0x8, 0x20000, 0x20008, 0xffffffff];

/** CLONE_NEWNS, NEWCGROUP, NEWUTS, NEWIPC, NEWUSER, NEWPID and NEWNET together (linux/sched.h). */
const namespaceFlags = 0x7e020000;

const ENOSYS = 38;

/**
 * The profile for a container.
 * @param capabilities the container's bounding set, `CAP_...`
 * @param architecture of this machine
 */
export function seccompProfile(
  capabilities: readonly string[],
  architecture: SeccompArchitecture,
): OciSeccomp {
  const has = new Set(capabilities);
  const rules: OciSeccompRule[] = [
    { names: allowedSyscalls, action: allow },
    // Unsafe before Linux 4.8, where a tracer could change a call after seccomp had judged it.
    { names: ["ptrace"], action: allow },
    ...personalities.map((value) => ({
      names: ["personality"],
      action: allow,
      args: [{ index: 0, value, op: "SCMP_CMP_EQ" }],
    })),
    { names: architectureCalls[architecture], action: allow },
  ];
  for (const [capability, names] of capabilityCalls)
    if (has.has(capability)) rules.push({ names, action: allow });
  if (!has.has("CAP_SYS_ADMIN")) rules.push(...cloneRules);
  return { defaultAction: "SCMP_ACT_ERRNO", architectures: architectures[architecture], syscalls: rules };
}

/** No new namespaces. clone3's flags are behind a pointer, so it is "missing" and libc falls back to clone. */
const cloneRules: readonly OciSeccompRule[] = [
  {
    names: ["clone"],
    action: allow,
    args: [{ index: 0, value: namespaceFlags, valueTwo: 0, op: "SCMP_CMP_MASKED_EQ" }],
  },
  { names: ["clone3"], action: "SCMP_ACT_ERRNO", errnoRet: ENOSYS },
];
