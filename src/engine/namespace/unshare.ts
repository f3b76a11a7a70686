/** Whether and how this user may make user namespaces, and what to say where he may not. */
import { spawnSync } from "node:child_process";
import { accessSync, constants, mkdirSync, mkdtempSync, readFileSync } from "node:fs";
import { isAbsolute, join } from "node:path";
import { fromText } from "../../byte_string.ts";
import type { DriverName } from "../../driver/index.ts";
import { Failure, isFailure } from "../../errors.ts";
import * as sys from "../../sys/index.ts";

/** New mounts of the machine come into the namespace; none goes out. */
const plain = ["--user", "--mount", "--propagation", "slave", "--map-root-user"];
/** The user is root, and the IDs that /etc/subuid and /etc/subgid give him are 1 and up (newuidmap(1)). */
const withRange = [...plain, "--map-auto"];

/**
 * Flags for `unshare`, tried out. With the program newuidmap and a range of IDs the namespace has users; without, root
 * alone. @throws {Failure} `unsupported` that says what is missing
 */
export function namespaceFlags(): readonly string[] {
  findProgram("nsenter");
  const unshare = findProgram("unshare");
  const tried = spawnSync(unshare, [...plain, "--", "true"], {
    encoding: "utf8",
    stdio: ["ignore", "ignore", "pipe"],
  });
  if (tried.status !== 0) {
    const said = tried.stderr?.trim() || tried.error?.message || `unshare ended with ${tried.status}`;
    throw new Failure("unsupported", `no user namespace can be had to mount in: ${said}`, { hint: hint() });
  }
  if (!hasProgram("newuidmap") || !hasProgram("newgidmap")) return plain;
  // Second, and without pipes: where it gets no namespace it leaves a process that waits for ever (util-linux 2.38).
  const ranged = spawnSync(unshare, [...withRange, "--", "true"], { stdio: "ignore" });
  return ranged.status === 0 ? withRange : plain;
}

/** Settings that forbid user namespaces, and their values that do not. */
const settings = [
  ["user/max_user_namespaces", "0", "user.max_user_namespaces=15000"],
  ["kernel/unprivileged_userns_clone", "0", "kernel.unprivileged_userns_clone=1"],
  ["kernel/apparmor_restrict_unprivileged_userns", "1", "kernel.apparmor_restrict_unprivileged_userns=0"],
] as const;

function hint(): string {
  const wrong = settings.find(([path, forbids]) => setting(path) === forbids);
  if (wrong === undefined)
    return "User namespaces are forbidden here, perhaps by a container around; run it as root.";
  return `Allow user namespaces: sysctl ${wrong[2]}; or run it as root.`;
}

function setting(path: string): string | undefined {
  try {
    return readFileSync(join("/proc/sys", path), "latin1").trim();
  } catch {
    return undefined;
  }
}

/**
 * Whether overlayfs can be mounted in a namespace with its upper layer in `root` (Linux 5.11). Asked for roots that are
 * empty: what cannot mount gets the driver vfs, and that works without any namespace.
 */
export function canOverlay(root: string): boolean {
  let scratch: string | undefined;
  try {
    scratch = mkdtempSync(join(root, ".varve-probe-"));
    for (const name of ["lower", "upper", "work", "merged"]) mkdirSync(join(scratch, name));
    const options = "userxattr,lowerdir=lower,upperdir=upper,workdir=work";
    const mount = ["mount", "-i", "-t", "overlay", "overlay", "-o", options, "merged"];
    const tried = spawnSync(findProgram("unshare"), [...plain, "--", ...mount], {
      cwd: scratch,
      stdio: "ignore",
    });
    return tried.status === 0;
  } catch {
    return false;
  } finally {
    // The kernel leaves a directory without permissions in "work", at which Node's own would stop.
    if (scratch !== undefined) sys.removeTree(fromText(scratch));
  }
}

/** @throws {Failure} `unsupported` */
export function findProgram(name: string): string {
  const found = programPath(name);
  if (found !== undefined) return found;
  throw new Failure("unsupported", `no user namespace can be had to mount in: ${name} not found in PATH`, {
    hint: "Install it: apt-get install util-linux; or run it as root.",
  });
}

const hasProgram = (name: string): boolean => programPath(name) !== undefined;

function programPath(name: string): string | undefined {
  const directories = [...(process.env["PATH"] ?? "").split(":"), "/usr/bin", "/bin", "/usr/sbin", "/sbin"];
  return directories
    .filter(isAbsolute)
    .map((directory) => join(directory, name))
    .find((path) => {
      try {
        accessSync(path, constants.X_OK);
        return true;
      } catch {
        return false;
      }
    });
}

/** Why a process of an ordinary user that is in no namespace cannot run containers, as far as it can be known. */
export function cannotRunHere(root: string, driver: DriverName): Failure {
  const message = "cannot run a container as an ordinary user";
  try {
    namespaceFlags();
  } catch (error) {
    if (isFailure(error))
      return new Failure("denied", `${message}: ${error.message}`, { hint: error.hint ?? "" });
    throw error;
  }
  if (driver !== "vfs")
    return new Failure("denied", `${message}: this process is not in the user namespace of ${root}`, {
      hint: "The command varve goes into it by itself.",
    });
  return new Failure("denied", `${message}: the images of ${root} are kept by the storage driver vfs`, {
    hint: "Move them to a driver that mounts, `varve migrate --to overlay2`, or take another data root (--root).",
  });
}
