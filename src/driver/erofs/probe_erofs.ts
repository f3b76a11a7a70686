/** Whether layers can be mounted without being unpacked, tried out. */
import { mkdirSync, mkdtempSync, readFileSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fromText } from "../../byte_string.ts";
import { buildErofs } from "../../erofs/index.ts";
import * as sys from "../../sys/index.ts";
import type { DirectoryNode } from "../../union/index.ts";
import type { ProbeResult } from "../choose_driver.ts";
import { mountImage } from "./image_mount.ts";
import type { Backing } from "./image_mounts.ts";
import { mountFuse } from "../../fuse/index.ts";

const owned = { uid: 0, gid: 0, mtime: 0, mtimeNs: 0 };

/**
 * Mounts a tiny image in a temporary directory in `root` (made if missing) and reads the one file in it. The file
 * system matters as much as the kernel: tmpfs and overlayfs cannot carry a file-backed EROFS.
 */
export function probeErofs(root: string, backing: Backing): ProbeResult {
  if (process.platform !== "linux") return { ok: false, reason: `EROFS is not known to ${process.platform}` };
  let scratch: string | undefined;
  try {
    mkdirSync(root, { recursive: true });
    scratch = mkdtempSync(join(realpathSync(root), ".varve-probe-"));
    return tryErofs(scratch, backing);
  } catch (error) {
    return { ok: false, reason: (error as Error).message };
  } finally {
    if (scratch !== undefined) rmSync(scratch, { recursive: true, force: true });
  }
}

function tryErofs(scratch: string, backing: Backing): ProbeResult {
  const [path, tar, mounted] = [join(scratch, "image"), join(scratch, "tar"), join(scratch, "mounted")];
  if (backing === "fuse") return tryFuse(mounted);
  const content = "varve".padEnd(512, ".");
  const extents = [{ at: 0, length: content.length, source: 0, offset: 0 }];
  const root: DirectoryNode = {
    ...owned,
    kind: "directory",
    mode: 0o755,
    entries: new Map([["file", { ...owned, kind: "file", mode: 0o644, size: content.length, extents }]]),
  };
  writeFileSync(tar, content);
  writeFileSync(path, buildErofs(root, [content.length]));
  mountImage({ path, tars: [tar] }, mounted, backing);
  try {
    const read = readFileSync(join(mounted, "file"), "latin1");
    return read === content ? { ok: true } : { ok: false, reason: "what is read is not what was written" };
  } finally {
    sys.unmount(fromText(mounted), { detach: true });
  }
}

/** The mount alone: what a server of ours answers does not depend on the machine. */
function tryFuse(mounted: string): ProbeResult {
  const target = fromText(mounted);
  mkdirSync(mounted);
  sys.close(mountFuse(target, { allowOther: true }));
  sys.unmount(target, { detach: true });
  return { ok: true };
}
