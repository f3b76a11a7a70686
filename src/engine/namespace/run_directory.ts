/**
 * containerd's shim has its sockets below /run/containerd, and only there (containerd 1.6, runtime/v2/shim), where an
 * ordinary user may not write. In his namespace /run is a file system of his own that shows what was there before.
 */
import { mkdirSync, readdirSync, readlinkSync, symlinkSync, writeFileSync } from "node:fs";
import { fromText, type ByteString } from "../../byte_string.ts";
import * as sys from "../../sys/index.ts";

const own = "containerd";

/** @param source name of the file system in the list of mounts @throws SysError */
export function makeRunDirectory(source: ByteString): void {
  const before = sys.openAt(sys.AT_FDCWD, "/run", sys.O_PATH | sys.O_DIRECTORY);
  try {
    sys.mount(source, "/run", "tmpfs", sys.MS_NOSUID | sys.MS_NODEV, "mode=0755");
    const hidden = `/proc/self/fd/${before}`;
    for (const entry of readdirSync(hidden, { withFileTypes: true })) {
      if (entry.name === own) continue;
      const [from, to] = [`${hidden}/${entry.name}`, `/run/${entry.name}`];
      try {
        if (entry.isSymbolicLink()) symlinkSync(readlinkSync(from), to);
        else showAgain(from, to, entry.isDirectory());
      } catch {
        // Gone meanwhile, or closed to this user: then it is not there for him.
      }
    }
  } finally {
    sys.close(before);
  }
}

function showAgain(from: string, to: string, isDirectory: boolean): void {
  if (isDirectory) mkdirSync(to);
  else writeFileSync(to, "");
  // With what is mounted below: a mount that came from outside cannot be parted from those.
  sys.mount(fromText(from), fromText(to), "", sys.MS_BIND | sys.MS_REC);
}
