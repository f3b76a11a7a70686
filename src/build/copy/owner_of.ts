/**
 * `--chown`:
 *
 *     owner = [ user ] [ ":" [ group ] ]        names of the stage's /etc/passwd and /etc/group, or numbers
 */
import { Failure } from "../../errors.ts";
import type { ReadView } from "../../union/index.ts";
import type { Accounts } from "./types.ts";

export interface Owner {
  readonly uid: number;
  readonly gid: number;
}

const maxId = 2 ** 31 - 1;

/**
 * An empty part is root. A user without a group brings the group that /etc/passwd gives him, a number the group of that
 * number (as BuildKit). The old builder takes the group that is called as he is, and refuses if there is none.
 *
 * Throws `Failure("invalid")` in the words of Docker's old builder (`parseChownFlag`) for an unknown name and for more
 * than one colon.
 */
export function ownerOf(chown: string, accounts: Accounts, { classic = false } = {}): Owner {
  const [user = "", group, ...more] = chown.split(":");
  if (more.length > 0) fail(`invalid chown string format: ${chown}`);
  const account = user === "" ? { id: 0, gid: 0 } : userOf(user, accounts.passwd);
  if (account === undefined) return fail(`can't find uid for user ${user}: no such user: ${user}`);
  if (group === undefined && !classic) return { uid: account.id, gid: account.gid };
  const name = group ?? user;
  const gid = groupOf(name, accounts.group);
  return gid === undefined
    ? fail(`can't find gid for group ${name}: no such group: ${name}`)
    : { uid: account.id, gid };
}

// What Linux distributions have is a few kilobytes.
const maxFile = 16 << 20;

/** The image's own files; one that is missing, too large or no file names nobody. */
export function accountsOf(view: ReadView): Accounts {
  const read = (path: string): string => {
    const found = view.lookup(path, { follow: true });
    if (found?.stat.kind !== "file" || found.stat.size > maxFile) return "";
    return Buffer.from(view.read(found.path)).toString();
  };
  return { passwd: read("etc/passwd"), group: read("etc/group") };
}

function userOf(name: string, passwd: string): { id: number; gid: number } | undefined {
  const id = toId(name);
  if (id !== undefined) return { id, gid: id };
  const row = rowOf(name, passwd);
  return row && { id: Number(row[2]) || 0, gid: Number(row[3]) || 0 };
}

function groupOf(name: string, group: string): number | undefined {
  if (name === "") return 0;
  const row = toId(name) === undefined ? rowOf(name, group) : undefined;
  return row === undefined ? toId(name) : Number(row[2]) || 0;
}

function rowOf(name: string, file: string): string[] | undefined {
  return file
    .split("\n")
    .map((line) => line.trim().split(":"))
    .find(([first]) => first === name);
}

function toId(text: string): number | undefined {
  if (!/^[+-]?\d+$/.test(text)) return undefined;
  const id = Number(text);
  return id >= 0 && id <= maxId ? id : fail(`uids and gids must be in range 0-${maxId}: ${text}`);
}

function fail(why: string): never {
  throw new Failure("invalid", `unable to convert uid/gid chown string to host mapping: ${why}`);
}
