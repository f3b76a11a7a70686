/**
 * What becomes of a spec where its runtime is root of a user namespace only. As `runc spec --rootless` has it
 * (libcontainer/specconv, `ToRootless`) and dockerd in rootless mode (moby, daemon/oci_linux.go, `RunningInUserNS`).
 */
import { realpathSync } from "node:fs";
import { Failure } from "../errors.ts";
import { fromText } from "../byte_string.ts";
import { mountInfo, type MountInfo } from "../sys/index.ts";
import type { ContainerLimits } from "./container_limits.ts";
import type { OciLinux, OciMount, OciProcess, OciSpec } from "./oci_spec.ts";
import { isMapped, type UserNamespace } from "../sys/index.ts";

export interface RootlessOptions {
  readonly limits?: ContainerLimits;
  readonly warn?: (text: string) => void;
  /** Default: asked from the kernel. */
  readonly mounts?: readonly MountInfo[];
}

/** @throws {Failure} `unsupported` for a user or group that does not exist in the namespace */
export function rootlessSpec(
  spec: OciSpec,
  namespace: UserNamespace,
  { limits = {}, warn, mounts = mountInfo() }: RootlessOptions,
): OciSpec {
  if (hasLimits(limits))
    warn?.(
      "Control groups are not an ordinary user's to change: limits of memory, CPU and processes discarded.",
    );
  const ownNetwork = spec.linux.namespaces.some(({ type }) => type === "network");
  return {
    ...spec,
    process: rootlessProcess(spec.process, namespace),
    mounts: spec.mounts.map((mount) => rootlessMount(mount, { namespace, ownNetwork, mounts })),
    linux: rootlessLinux(spec.linux),
  };
}

function hasLimits(limits: ContainerLimits): boolean {
  return Object.entries(limits).some(([name, limit]) => name !== "oomScoreAdj" && Boolean(limit));
}

function rootlessProcess({ oomScoreAdj = 0, ...rest }: OciProcess, namespace: UserNamespace): OciProcess {
  const { uid, gid, additionalGids = [] } = rest.user;
  if (!isMapped(uid, namespace.uids)) throw unmapped("user", uid);
  if (!isMapped(gid, namespace.gids)) throw unmapped("group", gid);
  const others = additionalGids.filter((id) => isMapped(id, namespace.gids));
  return {
    ...rest,
    user: { uid, gid, ...(namespace.setgroups && { additionalGids: others }) },
    // Whoever is none of the kernel's favourites may only raise it.
    ...(oomScoreAdj > 0 && { oomScoreAdj }),
  };
}

function unmapped(kind: "user" | "group", id: number): Failure {
  return new Failure("unsupported", `run as ${kind} ${id}: there is no such ID in your user namespace`, {
    hint:
      "For more than root alone the program newuidmap (apt-get install uidmap) and a range of yours in /etc/subuid " +
      "and /etc/subgid are needed, for all containers of the data root; or take --user 0.",
  });
}

/** Neither has an ordinary user control groups of his own nor rules for devices. */
function rootlessLinux(linux: OciLinux): OciLinux {
  const sysctl = { ...linux.sysctl };
  // Its range has to end at a group that exists.
  delete sysctl["net.ipv4.ping_group_range"];
  const { resources, cgroupsPath, ...rest } = linux;
  void [resources, cgroupsPath];
  return { ...rest, sysctl };
}

interface MountPlace {
  readonly namespace: UserNamespace;
  readonly ownNetwork: boolean;
  readonly mounts: readonly MountInfo[];
}

function rootlessMount(mount: OciMount, { namespace, ownNetwork, mounts }: MountPlace): OciMount {
  const { type, options } = mount;
  // A new sysfs shows the network's devices: only the network's owner may mount it.
  if (type === "sysfs" && !ownNetwork)
    return { ...mount, type: "bind", source: "/sys", options: ["rbind", ...options] };
  if (type === "devpts")
    return { ...mount, options: options.filter((option) => isKnownGroup(option, namespace)) };
  if (type !== "bind") return mount;
  const kept = lockedOptions(mount.source, mounts).filter((option) => !options.includes(option));
  return { ...mount, options: [...options, ...kept] };
}

function isKnownGroup(option: string, namespace: UserNamespace): boolean {
  const id = /^gid=(\d+)$/.exec(option)?.[1];
  return id === undefined || isMapped(Number(id), namespace.gids);
}

/** What a mount from outside has stays with each bind of it; a remount that does not name them is refused (EPERM). */
const locked = new Set(["ro", "nosuid", "nodev", "noexec", "noatime", "nodiratime", "relatime"]);

function lockedOptions(source: string, mounts: readonly MountInfo[]): string[] {
  const path = fromText(realPath(source));
  const isAround = ({ mountPoint }: MountInfo): boolean =>
    mountPoint === path || path.startsWith(mountPoint === "/" ? "/" : `${mountPoint}/`);
  // Of mounts at one place the last one is seen.
  const around = mounts.filter(isAround).reduce<MountInfo | undefined>((best, mount) => {
    return best !== undefined && best.mountPoint.length > mount.mountPoint.length ? best : mount;
  }, undefined);
  return around?.options.split(",").filter((option) => locked.has(option)) ?? [];
}

function realPath(path: string): string {
  try {
    return realpathSync(path);
  } catch {
    // The runtime will say that it is not there.
    return path;
  }
}
