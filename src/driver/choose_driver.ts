/** Which driver to use where. */
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  realpathSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { fromText } from "../byte_string.ts";
import * as sys from "../sys/index.ts";
import { createErofs } from "./erofs/erofs.ts";
import type { Backing } from "./erofs/image_mounts.ts";
import { probeErofs } from "./erofs/probe_erofs.ts";
import { createOverlay2, type DriverOptions } from "./overlay2.ts";
import { overlayDialect } from "./overlay_mount.ts";
import type { Driver, DriverName } from "./types.ts";
import { inUserNamespace } from "./user_namespace.ts";
import { createVfs } from "./vfs.ts";

export type ProbeResult = { readonly ok: true } | { readonly ok: false; readonly reason: string };

/**
 * Tries a real overlay mount in a temporary directory in `root` (made if missing): whether this user may mount, the
 * kernel has overlayfs, and the file system can carry it (d_type, trusted or user attributes, whiteouts).
 */
export function probeOverlay(root: string): ProbeResult {
  if (process.platform !== "linux")
    return { ok: false, reason: `overlayfs is not known to ${process.platform}` };
  let scratch: string | undefined;
  try {
    mkdirSync(root, { recursive: true });
    scratch = mkdtempSync(join(realpathSync(root), ".varve-probe-"));
    return tryOverlay(scratch);
  } catch (error) {
    return { ok: false, reason: (error as Error).message };
  } finally {
    if (scratch !== undefined) rmSync(scratch, { recursive: true, force: true });
  }
}

function tryOverlay(scratch: string): ProbeResult {
  const [lower, upper, work, merged] = ["lower", "upper", "work", "merged"].map((name) =>
    join(scratch, name),
  );
  for (const path of [lower, upper, work, merged]) mkdirSync(path as string);
  writeFileSync(join(lower as string, "f"), "");
  const fd = sys.openAt(sys.AT_FDCWD, fromText(lower as string), sys.O_RDONLY);
  const types = sys.readDir(fd).map((entry) => entry.type);
  sys.close(fd);
  if (types.includes("unknown")) return { ok: false, reason: "the file system has no d_type" };
  const { userxattr } = overlayDialect();
  const options = `${userxattr ? "userxattr," : ""}lowerdir=lower,upperdir=upper,workdir=work`;
  return mountAndDelete(scratch, options);
}

/** A whiteout is made by deleting, which shows whether the file system can carry one. */
function mountAndDelete(scratch: string, options: string): ProbeResult {
  const absolute = options.replace(/=(\w+)/g, `=${fromText(scratch)}/$1`);
  const merged = fromText(join(scratch, "merged"));
  sys.mount("overlay", merged, "overlay", 0, absolute);
  try {
    sys.unlinkAt(sys.AT_FDCWD, `${merged}/f`);
  } finally {
    sys.unmount(merged);
  }
  const left = sys.statAt(sys.AT_FDCWD, `${fromText(scratch)}/upper/f`);
  const isWhiteout = (left.mode & sys.S_IFMT) === sys.S_IFCHR && left.rdevMajor === 0 && left.rdevMinor === 0;
  return isWhiteout ? { ok: true } : { ok: false, reason: "the file system cannot hold whiteouts" };
}

/** How EROFS images can be mounted on the file system of a data root. */
export type ErofsSupport =
  | { readonly backing: Backing }
  /** Not at all, and why. */
  | { readonly backing: undefined; readonly reason: string };

/**
 * Tries files first, then loop devices: older kernels, and file systems that cannot carry EROFS, need those. In a user
 * namespace the kernel mounts neither, and a process of ours serves images over FUSE.
 */
export function findErofsSupport(root: string): ErofsSupport {
  const overlay = probeOverlay(root);
  if (!overlay.ok) return { backing: undefined, reason: overlay.reason };
  if (inUserNamespace()) {
    const fuse = probeErofs(root, "fuse");
    return fuse.ok ? { backing: "fuse" } : { backing: undefined, reason: fuse.reason };
  }
  const file = probeErofs(root, "file");
  if (file.ok) return { backing: "file" };
  const loop = probeErofs(root, "loop");
  return loop.ok ? { backing: "loop" } : { backing: undefined, reason: file.reason };
}

/**
 * The driver for the data root `root`: the one it was written with; for a root without layers erofs where it works, else
 * overlay2, else vfs. Only such a root is probed.
 */
export function chooseDriver(root: string): DriverName {
  const held = driverOfLayers(root);
  if (held !== undefined) return held;
  if (findErofsSupport(root).backing !== undefined) return "erofs";
  return probeOverlay(root).ok ? "overlay2" : "vfs";
}

/** The driver of the layers that lie in the data root `root`. */
export function driverOfLayers(root: string): DriverName | undefined {
  if (hasEntries(join(root, "overlay2"))) return "overlay2";
  if (hasEntries(join(root, "erofs"))) return "erofs";
  return hasEntries(join(root, "vfs/dir")) ? "vfs" : undefined;
}

function hasEntries(path: string): boolean {
  return existsSync(path) && readdirSync(path).some((name) => name !== "l");
}

/** The driver `name` on its own directory `options.root`, `ROOT/<name>`. */
export function createDriver(name: DriverName, options: DriverOptions): Driver {
  switch (name) {
    case "overlay2":
      return createOverlay2(options);
    case "erofs":
      return createErofs(options);
    case "vfs":
      return createVfs(options);
  }
}
