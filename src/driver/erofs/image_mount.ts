/** The mount of an image file (kernel Documentation/filesystems/erofs.rst; file-backed since Linux 6.12). */
import { type ByteString, fromText } from "../../byte_string.ts";
import { Failure } from "../../errors.ts";
import * as sys from "../../sys/index.ts";
import { atMountPoint } from "../mount_point.ts";
import type { StorageOptions } from "../storage_options.ts";
import type { ImageFile } from "./image_file.ts";

/** Mounts `image` at `path`, which is made. @throws Failure */
export function mountImage(
  image: ImageFile,
  path: string,
  backing: "file" | "loop",
  options: Pick<StorageOptions, "directio"> = {},
): void {
  try {
    atMountPoint(path, (target) => mountAt(target, image, backing, options));
  } catch (error) {
    throw explained(error, path);
  }
}

function mountAt(
  target: ByteString,
  image: ImageFile,
  backing: "file" | "loop",
  options: Pick<StorageOptions, "directio">,
): void {
  using open = new DisposableStack();
  const pathOf = backing === "file" ? openFile : attachLoop;
  // A read-only block device is refused to who has not said that he will not write.
  const parameters: sys.MountParameter[] = [
    ["ro", true],
    ["source", pathOf(image.path, open)],
  ];
  if (options.directio === true && backing === "file" && [image.path, ...image.tars].every(takesDirectIo))
    parameters.push(["directio", true]);
  for (const tar of image.tars) parameters.push(["device", pathOf(tar, open)]);
  const mount = open.adopt(sys.newMount("erofs", parameters, { readOnly: true }), sys.close);
  sys.moveMount(mount, target);
}

/** EROFS reads blocks of 512 bytes here; the disk may want more at a time (statx(2), STATX_DIOALIGN). */
function takesDirectIo(path: string): boolean {
  using open = new DisposableStack();
  const alignment = sys.directIoAlignment(descriptorOf(path, open));
  return alignment !== undefined && alignment.offset > 0 && alignment.offset <= 512;
}

/** Through the descriptor: what is mounted is what was opened, and no path is too long. */
function openFile(path: string, open: DisposableStack): string {
  return `/proc/self/fd/${descriptorOf(path, open)}`;
}

/** The device goes with its last user, which is the mount. */
function attachLoop(path: string, open: DisposableStack): string {
  const device = sys.attachLoop(descriptorOf(path, open));
  open.adopt(device.fd, sys.close);
  return device.path;
}

function descriptorOf(path: string, open: DisposableStack): number {
  return open.adopt(sys.openAt(sys.AT_FDCWD, fromText(path), sys.O_RDONLY), sys.close);
}

/** Whether the kernel mounts EROFS, but not from such a file: an old one, or a file on tmpfs or overlayfs. */
export function wantsBlockDevice(error: unknown): boolean {
  return error instanceof Failure && sys.isSysError(error.cause, "ENOTBLK");
}

function explained(error: unknown, path: string): unknown {
  if (!sys.isSysError(error)) return error;
  return new Failure(error.kind, `error creating erofs mount to ${path}: ${error.message}`, { cause: error });
}
