/** What is mounted in a container: Docker's default mounts, the user's, and the files that the engine provides. */
import { posix } from "node:path";
import { Failure } from "../errors.ts";
import type { OciMount } from "./oci_spec.ts";

export interface BindMount {
  /** Absolute path on the host; must exist. */
  readonly source: string;
  /** Absolute path in the container; made if missing. */
  readonly destination: string;
  readonly readOnly?: boolean;
  /** With `readOnly`: so is what is mounted below the source (default false); the runtime must know how (runc 1.1). */
  readonly readOnlyRecursive?: boolean;
  /** Leaves out what is mounted below the source (default false). */
  readonly nonRecursive?: boolean;
  /** Mount propagation (mount_namespaces(7)); default `rprivate`, "" for none, as Docker has it for volumes. */
  readonly propagation?: "rprivate" | "private" | "rshared" | "shared" | "rslave" | "slave" | "";
}

/** Host paths of the files that lie over the container's own (behaviours B027). */
export interface FileMounts {
  readonly resolvConf: string;
  readonly hostname: string;
  readonly hosts: string;
}

export interface MountChoice {
  readonly binds?: readonly BindMount[];
  /** `--tmpfs`: path to options such as `size=10m,mode=700`. */
  readonly tmpfs?: Readonly<Record<string, string>>;
  readonly files?: FileMounts;
  /** Bytes; default 64 MiB. */
  readonly shmSize?: number;
  readonly readOnly?: boolean;
  readonly privileged?: boolean;
  /** What /dev/shm is: a directory of the host, or nothing; default: a tmpfs of the container's own. */
  readonly sharedMemory?: "none" | { readonly path: string };
  /** Host path of an init program, mounted at {@link initPath}. */
  readonly init?: string;
}

/** Where Docker mounts the program of `--init`. */
export const initPath = "/sbin/docker-init";

const safe = ["nosuid", "noexec", "nodev"];

/** Docker's own, in the daemon's order. */
function defaultMounts(choice: MountChoice): OciMount[] {
  const mounts: OciMount[] = [
    { destination: "/proc", type: "proc", source: "proc", options: safe },
    {
      destination: "/dev",
      type: "tmpfs",
      source: "tmpfs",
      options: ["nosuid", "strictatime", "mode=755", "size=65536k"],
    },
    {
      destination: "/dev/pts",
      type: "devpts",
      source: "devpts",
      options: ["nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620", "gid=5"],
    },
    { destination: "/sys", type: "sysfs", source: "sysfs", options: [...safe, "ro"] },
    { destination: "/sys/fs/cgroup", type: "cgroup", source: "cgroup", options: ["ro", ...safe] },
    { destination: "/dev/mqueue", type: "mqueue", source: "mqueue", options: safe },
  ];
  if (choice.sharedMemory === undefined) {
    const options = [...safe, "mode=1777", `size=${choice.shmSize ?? 64 << 20}`];
    mounts.push({ destination: "/dev/shm", type: "tmpfs", source: "shm", options });
  }
  return mounts;
}

/**
 * All mounts, in the order in which they are made.
 * @throws {Failure} `invalid` for a tmpfs option that does not exist or two mounts on one path, in Docker's words
 */
export function containerMounts(choice: MountChoice): readonly OciMount[] {
  const user = userMounts(choice);
  const taken = new Set(user.map((mount) => mount.destination));
  // A mount of the user's takes the place of ours; one on /dev that of all below it, which it would hide.
  const own = defaultMounts(choice).filter(
    ({ destination }) => !taken.has(destination) && !(taken.has("/dev") && destination.startsWith("/dev/")),
  );
  const init: OciMount[] =
    choice.init === undefined
      ? []
      : [{ destination: initPath, type: "bind", source: choice.init, options: ["bind", "ro"] }];
  const all = [...own, ...init, ...user, ...fileMounts(choice.files, taken)];
  const shared = choice.sharedMemory ?? "none";
  if (shared !== "none" && !taken.has("/dev/shm"))
    all.push({ destination: "/dev/shm", type: "bind", source: shared.path, options: ["rbind", "rprivate"] });
  return all.map((mount) => adjustAccess(mount, choice, taken));
}

/** What stays writable in a container with `--read-only`. */
const alwaysWritable = new Set(["/proc", "/dev/pts", "/dev/shm", "/dev/mqueue", "/dev"]);

function adjustAccess(mount: OciMount, choice: MountChoice, user: ReadonlySet<string>): OciMount {
  const { destination, options } = mount;
  if (choice.privileged === true && (destination === "/sys" || mount.type === "cgroup"))
    return { ...mount, options: options.filter((option) => option !== "ro") };
  const own = !user.has(destination) && !alwaysWritable.has(destination);
  if (choice.readOnly !== true || !own || options.includes("ro")) return mount;
  // The daemon writes "ro" behind "rbind".
  return { ...mount, options: [...options.slice(0, 1), "ro", ...options.slice(1)] };
}

function userMounts(choice: MountChoice): OciMount[] {
  const binds = (choice.binds ?? []).map((bind): OciMount => {
    const propagation = bind.propagation ?? "rprivate";
    const options = [
      bind.nonRecursive === true ? "bind" : "rbind",
      ...(bind.readOnly === true ? [bind.readOnlyRecursive === true ? "rro" : "ro"] : []),
      ...(propagation ? [propagation] : []),
    ];
    return { destination: cleanPath(bind.destination), type: "bind", source: bind.source, options };
  });
  const tmpfs = Object.entries(choice.tmpfs ?? {}).map(([destination, options]): OciMount => {
    return {
      destination: cleanPath(destination),
      type: "tmpfs",
      source: "tmpfs",
      options: tmpfsOptions(options),
    };
  });
  const mounts = [...binds, ...tmpfs];
  const seen = new Set<string>();
  for (const { destination } of mounts) {
    if (seen.has(destination)) throw new Failure("invalid", `Duplicate mount point: ${destination}`);
    seen.add(destination);
  }
  // Parents before children, or the parent would hide the child.
  const depth = (path: string): number => path.split("/").length;
  return mounts.sort((a, b) => depth(a.destination) - depth(b.destination));
}

function cleanPath(destination: string): string {
  if (!posix.isAbsolute(destination))
    throw new Failure("invalid", `invalid mount path: '${destination}' mount path must be absolute`);
  const clean = posix.resolve(destination);
  if (clean === "/") throw new Failure("invalid", "invalid specification: destination can't be '/'");
  return clean;
}

/** Each flag and its opposite: the user's choice replaces the default. */
const flagPairs = [
  ["rw", "ro"],
  ["suid", "nosuid"],
  ["dev", "nodev"],
  ["exec", "noexec"],
  ["sync", "async"],
  ["atime", "noatime"],
  ["diratime", "nodiratime"],
  ["relatime", "norelatime"],
  ["strictatime", "nostrictatime"],
  ["mand", "nomand"],
] as const;
const tmpfsValues = /^(size|mode|uid|gid|nr_inodes|nr_blocks|mpol)=/;
const propagations = ["private", "shared", "slave", "unbindable"].flatMap((name) => [name, `r${name}`]);

function tmpfsOptions(text: string): string[] {
  const options = new Map(
    ["noexec", "nosuid", "nodev", "rprivate"].map((option) => [flagKey(option), option]),
  );
  for (const option of text === "" ? [] : text.split(",")) {
    const known = flagPairs.flat().some((flag) => flag === option) || propagations.includes(option);
    if (!known && !tmpfsValues.test(option))
      throw new Failure("invalid", `invalid tmpfs option ${JSON.stringify([option])}`);
    // Taken out first: an option of the user's stands behind those that it does not touch.
    options.delete(flagKey(option));
    options.set(flagKey(option), option);
  }
  return [...options.values()];
}

/** Options with the same key exclude each other. */
function flagKey(option: string): string {
  if (propagations.includes(option)) return "propagation";
  const pair = flagPairs.find(([a, b]) => a === option || b === option);
  return pair?.[0] ?? (option.split("=", 1)[0] as string);
}

function fileMounts(files: FileMounts | undefined, taken: ReadonlySet<string>): OciMount[] {
  if (files === undefined) return [];
  const pairs = [
    ["/etc/resolv.conf", files.resolvConf],
    ["/etc/hostname", files.hostname],
    ["/etc/hosts", files.hosts],
  ] as const;
  return pairs
    .filter(([destination]) => !taken.has(destination))
    .map(([destination, source]) => ({ destination, type: "bind", source, options: ["rbind", "rprivate"] }));
}

/** What the root's propagation must be for the binds' to work: theirs ends at a private root (as dockerd sets it). */
export function rootPropagation(binds: readonly BindMount[]): "shared" | "rslave" | undefined {
  const wanted = new Set(binds.map((bind) => bind.propagation));
  if (wanted.has("shared") || wanted.has("rshared")) return "shared";
  return wanted.has("slave") || wanted.has("rslave") ? "rslave" : undefined;
}
