/** The mount itself, in Docker's words (behaviours B151, B152; kernel Documentation/filesystems/overlayfs.rst). */
import { existsSync, rmSync } from "node:fs";
import { join } from "node:path";
import { type ByteString, fromText } from "../byte_string.ts";
import { Failure, isFailure } from "../errors.ts";
import * as sys from "../sys/index.ts";
import { atMountPoint } from "./mount_point.ts";
import type { OverlayLayout } from "./overlay_layout.ts";
import type { CacheId } from "./types.ts";
import { inUserNamespace } from "./user_namespace.ts";

/** What the kernel here wants before `lowerdir`. */
export interface OverlayDialect {
  /** In a user namespace overlayfs keeps its marks in `user.overlay.*` (Linux 5.11). */
  readonly userxattr: boolean;
}

/** Finds out once what this process's kernel and user namespace need. */
export function overlayDialect(): OverlayDialect {
  return { userxattr: inUserNamespace() };
}

export interface OverlayMount {
  /** Where; the directory is made, and removed again if the mount fails. */
  readonly at: string;
  /** No upper layer: the layer's own diff becomes the first lower one, and every write is EROFS. */
  readonly readOnly: boolean;
  /** See `MountOptions`. */
  readonly volatile: boolean;
  readonly dialect: OverlayDialect;
}

/** Mounts `id` over its parents. @throws Failure with Docker's text */
export function mountOverlay(layout: OverlayLayout, id: CacheId, mount: OverlayMount): void {
  if (!mount.readOnly) dropVolatileMark(join(layout.home, id, "work"));
  overlayAt(mount.at, (target) => {
    const mountIt = (data: ByteString): void => sys.mount("overlay", target, "overlay", 0, data);
    const absolute = overlayParts(layout, id, { ...mount, base: `${layout.home}/` });
    if (overlayData(absolute).length <= sys.pageSize() - 1 && isPlain(layout.home)) {
      mountData(mountIt, absolute);
    } else {
      const relative = overlayParts(layout, id, { ...mount, base: "" });
      inDirectory(layout.home, () => mountData(mountIt, relative));
    }
  });
}

/**
 * Takes away the kernel's mark of an upper layer that was mounted `volatile` and may have been lost with the machine: with
 * it the layer is not mounted again (overlayfs.rst, "Volatile mount").
 * @param work the layer's work directory
 */
export function dropVolatileMark(work: string): void {
  rmSync(join(work, "work/incompat"), { recursive: true, force: true });
}

/** Has `mount` mount with the data of `parts`; without `volatile` where the kernel does not know it (before Linux 5.10). */
export function mountData(mount: (data: ByteString) => void, parts: OverlayParts): void {
  try {
    mount(overlayData(parts));
  } catch (error) {
    if (parts.volatile !== true || !sys.isSysError(error, "EINVAL")) throw error;
    mount(overlayData({ ...parts, volatile: false }));
  }
}

/** Makes the directory `path` and has an overlay mounted there. @throws Failure with Docker's text */
export function overlayAt(path: string, mount: (target: ByteString) => void): void {
  try {
    atMountPoint(path, mount);
  } catch (error) {
    throw explained(error, path);
  }
}

interface OptionsForm extends Omit<OverlayMount, "at"> {
  /** Stands before every path: the driver's directory with a slash, or nothing. */
  readonly base: string;
}

function overlayParts(layout: OverlayLayout, id: CacheId, form: OptionsForm): OverlayParts {
  const { readOnly, volatile, dialect } = form;
  const base = fromText(form.base);
  const lowers = layout.lowerLinks(id).map((link) => base + link);
  const [diff, work] = [`${base}${id}/diff`, `${base}${id}/work`];
  if (readOnly) return { lowers: [diff, ...lowers], ...dialect };
  return { lowers, upper: diff, work, volatile, ...dialect };
}

export interface OverlayParts extends OverlayDialect {
  /** Nearest first. */
  readonly lowers: readonly ByteString[];
  /** Both or none: without them nothing can be written. */
  readonly upper?: ByteString;
  readonly work?: ByteString;
  /** See `MountOptions`; only where something can be written. */
  readonly volatile?: boolean;
}

/** The mount's data (behaviours B151). */
export function overlayData({ lowers, upper, work, userxattr, volatile }: OverlayParts): ByteString {
  const options = [`lowerdir=${lowers.join(":")}`];
  if (userxattr) options.unshift("userxattr");
  // Old kernels have no such option, and refuse it.
  if (existsSync("/sys/module/overlay/parameters/index")) options.unshift("index=off");
  if (upper !== undefined && work !== undefined) {
    options.push(`upperdir=${upper}`, `workdir=${work}`);
    if (volatile === true) options.push("volatile");
  }
  return options.join(",");
}

/** Whether the path can stand in the options: the kernel splits at these. */
function isPlain(path: string): boolean {
  return !/[,:\\]/.test(path);
}

/**
 * Runs `act` with the driver's directory as working directory, so that paths may be short. The working directory
 * belongs to the whole process: nothing else of ours opens relative paths, and `act` is synchronous.
 */
function inDirectory(path: string, act: () => void): void {
  const before = sys.openAt(sys.AT_FDCWD, ".", sys.O_PATH | sys.O_DIRECTORY);
  try {
    sys.chdir(fromText(path));
    try {
      act();
    } finally {
      sys.fchdir(before);
    }
  } finally {
    sys.close(before);
  }
}

function explained(error: unknown, target: string): unknown {
  if (!sys.isSysError(error)) return error;
  const said = error.message.slice(error.message.indexOf(": ") + 2);
  const message = `error creating overlay mount to ${target}: ${said}`;
  const hint = isFailure(error, "denied")
    ? "Mounting needs root; `--driver vfs` works without."
    : "The kernel says more in its log: dmesg.";
  return new Failure(error.kind, message, { cause: error, hint });
}
