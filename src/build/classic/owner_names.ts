/** Names of users and groups of this machine. */
import { readFileSync } from "node:fs";

export interface OwnerNames {
  /** "" where there is no such user or group. */
  user(uid: number): string;
  group(gid: number): string;
}

/**
 * What this machine's /etc/passwd and /etc/group say. dockerd 20.10 puts these names into the checksums of files that
 * lie in an image, although they are not that image's users.
 */
export function machineOwnerNames(): OwnerNames {
  const users = namesIn("/etc/passwd");
  const groups = namesIn("/etc/group");
  return { user: (uid) => users.get(uid) ?? "", group: (gid) => groups.get(gid) ?? "" };
}

/** Name by the number in the third field; the first line of a number counts. */
function namesIn(file: string): ReadonlyMap<number, string> {
  const names = new Map<number, string>();
  for (const line of linesOf(file)) {
    const [name, , id] = line.split(":");
    if (name !== undefined && id !== undefined && /^\d+$/.test(id) && !names.has(Number(id)))
      names.set(Number(id), name);
  }
  return names;
}

/** A machine without such a file has no names. */
function linesOf(file: string): string[] {
  try {
    return readFileSync(file, "latin1").split("\n");
  } catch {
    return [];
  }
}
