/** A directory in memory, for what must never lie on a disk. */
import { mkdtemp, rmdir } from "node:fs/promises";
import { join } from "node:path";
import { fromText } from "../../byte_string.ts";
import type { Session } from "../../store/index.ts";
import * as sys from "../../sys/index.ts";

export interface MemoryDirectory {
  /** Its path; made at the first call, and gone when the stack that it was made with is disposed of. */
  path(): Promise<string>;
}

const flags = sys.MS_NOSUID | sys.MS_NODEV | sys.MS_NOEXEC;

/** Mounted below the session's directory, where it is ended also if this process dies; for root's eyes only. */
export function memoryDirectory(session: Session, open: AsyncDisposableStack): MemoryDirectory {
  let made: Promise<string> | undefined;
  const make = async (): Promise<string> => {
    const path = await mkdtemp(join(session.directory, "memory-"));
    open.defer(() => rmdir(path));
    sys.mount("tmpfs", fromText(path), "tmpfs", flags, "mode=0700");
    open.defer(() => sys.unmount(fromText(path), { detach: true }));
    return path;
  };
  return { path: () => (made ??= make()) };
}
