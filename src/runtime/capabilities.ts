/** Which capabilities (capabilities(7)) a container gets, by Docker's rules for `--cap-add` and `--cap-drop`. */
import { readFileSync } from "node:fs";
import { Failure } from "../errors.ts";
import { words } from "./words.ts";

/** Docker's default set, in the daemon's order (docs.docker.com/engine/security, "Linux kernel capabilities"). */
export const defaultCapabilities: readonly string[] = words(`
  CAP_CHOWN CAP_DAC_OVERRIDE CAP_FSETID CAP_FOWNER CAP_MKNOD CAP_NET_RAW CAP_SETGID CAP_SETUID
  CAP_SETFCAP CAP_SETPCAP CAP_NET_BIND_SERVICE CAP_SYS_CHROOT CAP_KILL CAP_AUDIT_WRITE
`);

/** By number, as in linux/capability.h. */
const knownCapabilities: readonly string[] = words(`
  CAP_CHOWN CAP_DAC_OVERRIDE CAP_DAC_READ_SEARCH CAP_FOWNER CAP_FSETID CAP_KILL CAP_SETGID
  CAP_SETUID CAP_SETPCAP CAP_LINUX_IMMUTABLE CAP_NET_BIND_SERVICE CAP_NET_BROADCAST CAP_NET_ADMIN
  CAP_NET_RAW CAP_IPC_LOCK CAP_IPC_OWNER CAP_SYS_MODULE CAP_SYS_RAWIO CAP_SYS_CHROOT
  CAP_SYS_PTRACE CAP_SYS_PACCT CAP_SYS_ADMIN CAP_SYS_BOOT CAP_SYS_NICE CAP_SYS_RESOURCE
  CAP_SYS_TIME CAP_SYS_TTY_CONFIG CAP_MKNOD CAP_LEASE CAP_AUDIT_WRITE CAP_AUDIT_CONTROL
  CAP_SETFCAP CAP_MAC_OVERRIDE CAP_MAC_ADMIN CAP_SYSLOG CAP_WAKE_ALARM CAP_BLOCK_SUSPEND
  CAP_AUDIT_READ CAP_PERFMON CAP_BPF CAP_CHECKPOINT_RESTORE
`);

export interface CapabilityChoice {
  /** `NET_ADMIN`, `cap_net_admin`, `ALL`... */
  readonly add?: readonly string[];
  readonly drop?: readonly string[];
  readonly privileged?: boolean;
  /** What `ALL` and `privileged` stand for; default {@link heldCapabilities}. */
  readonly held?: readonly string[];
}

/**
 * The capabilities of a container's bounding set.
 * @throws {Failure} `invalid` for a name that does not exist, in Docker's words
 */
export function containerCapabilities(choice: CapabilityChoice): readonly string[] {
  const add = normalize(choice.add ?? [], "CapAdd");
  const drop = normalize(choice.drop ?? [], "CapDrop");
  const all = (): readonly string[] => choice.held ?? heldCapabilities();
  if (choice.privileged === true) return all();
  if (add.includes("ALL")) return all().filter((name) => !drop.includes(name));
  if (drop.includes("ALL")) return add;
  const kept = defaultCapabilities.filter((name) => !drop.includes(name));
  return [...kept, ...add.filter((name) => !kept.includes(name))];
}

function normalize(names: readonly string[], flag: string): string[] {
  const normal = names.map((name) => {
    const upper = name.toUpperCase();
    const full = upper === "ALL" || upper.startsWith("CAP_") ? upper : `CAP_${upper}`;
    if (full !== "ALL" && !knownCapabilities.includes(full))
      throw new Failure("invalid", `invalid ${flag}: unknown capability: "${full}"`);
    return full;
  });
  return [...new Set(normal)];
}

/**
 * The capabilities that this process can hand on: its own bounding set. dockerd 20.10 takes every capability that
 * the kernel has and then fails where it was itself started with fewer ("unable to apply caps").
 */
export function heldCapabilities(): readonly string[] {
  const mask = /^CapBnd:\s*([0-9a-f]+)$/m.exec(readFileSync("/proc/self/status", "latin1"))?.[1] ?? "0";
  const bits = BigInt(`0x${mask}`);
  return knownCapabilities.filter((_name, number) => ((bits >> BigInt(number)) & 1n) === 1n);
}
