/** An image that a process of ours shows, for ordinary users: one small process a mounted image. */
import { spawn } from "node:child_process";
import { fileURLToPath } from "node:url";
import { Failure } from "../../errors.ts";
import { mountFuse } from "../../fuse/index.ts";
import * as sys from "../../sys/index.ts";
import { atMountPoint } from "../mount_point.ts";
import type { CacheId } from "../types.ts";

/** The descriptor under which the server gets the connection. */
export const connection = 3;

/**
 * Mounts the image of `id` at `path`, which is made, and starts its server, which ends when the mount does. It belongs to
 * no terminal and outlives this process. Who looks into the mount before the server is up waits for it.
 * @param home the driver's directory
 */
export function mountServed(home: string, id: CacheId, path: string): void {
  const fuse = atMountPoint(path, mountHere);
  try {
    // Forked before this returns, so that nothing waits for a server that this thread has yet to start.
    const stdio = ["ignore" as const, "ignore" as const, "ignore" as const, fuse];
    spawn(process.execPath, [serverPath(), home, id], { detached: true, stdio }).unref();
  } finally {
    // The server has its own; with this one left open nobody would notice its end.
    sys.close(fuse);
  }
}

/** A root may have got this driver by a build, which mounts nothing, where the user may not open the device. */
function mountHere(target: string): number {
  try {
    return mountFuse(target, { allowOther: true });
  } catch (error) {
    if (!sys.isSysError(error, "EACCES", "EPERM", "ENOENT", "ENODEV")) throw error;
    throw new Failure("unsupported", `cannot show images of the storage driver erofs: ${error.message}`, {
      cause: error,
      hint: "Let this user open /dev/fuse, or move the images to a driver that needs none: varve migrate --to overlay2",
    });
  }
}

/** The source runs beside it as plain JavaScript under the name that the file has there. */
function serverPath(): string {
  const here = import.meta.url;
  return fileURLToPath(new URL(here.endsWith(".ts") ? "./fuse_server.ts" : "./fuse_server.js", here));
}
