/** Reading a file of a container's root filesystem as the container would see it. */
import { fromText } from "../byte_string.ts";
import {
  AT_FDCWD,
  O_DIRECTORY,
  O_PATH,
  close,
  isSysError,
  openAt,
  openIn,
  openRegular,
  read,
} from "../sys/index.ts";

/** No account file is longer; an image must not make us read without end (a device, a huge file). */
const limit = 16 << 20;

/**
 * The text of `path` inside of `rootfs`; symlinks never lead outside.
 * @returns undefined when there is no such regular place
 * @throws SysError other than ENOENT and ENOTDIR
 */
export function readRootFile(rootfs: string, path: string): string | undefined {
  const root = openAt(AT_FDCWD, fromText(rootfs), O_PATH | O_DIRECTORY);
  try {
    const fd = openRegular(root, fromText(path), openIn);
    if (fd === undefined) return undefined;
    try {
      return readAll(fd);
    } finally {
      close(fd);
    }
  } catch (error) {
    if (isSysError(error, "ENOENT", "ENOTDIR")) return undefined;
    throw error;
  } finally {
    close(root);
  }
}

function readAll(fd: number): string {
  const chunks: Uint8Array[] = [];
  for (let total = 0; total < limit;) {
    const chunk = new Uint8Array(64 << 10);
    const length = read(fd, chunk);
    if (length === 0) break;
    chunks.push(chunk.subarray(0, length));
    total += length;
  }
  return Buffer.concat(chunks).toString("utf8");
}
