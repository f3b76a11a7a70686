/** A mount point is there as long as something is mounted on it (behaviours B153). */
import { type ByteString, fromText } from "../byte_string.ts";
import * as sys from "../sys/index.ts";
import { makeDirectory } from "./overlay_layout.ts";

/**
 * Makes the directory `path` for `mount` to mount on; if that fails, the directory goes again.
 * @returns what `mount` returns @throws what it throws
 */
export function atMountPoint<T>(path: string, mount: (target: ByteString) => T): T {
  const target = fromText(path);
  makeDirectory(target, 0o700);
  try {
    return mount(target);
  } catch (error) {
    sys.unlinkAt(sys.AT_FDCWD, target, sys.AT_REMOVEDIR);
    throw error;
  }
}
