/**
 * `--user` and `--group-add`: names and numbers looked up in the container's own /etc/passwd and /etc/group, by the
 * rules and with the words of Docker (libcontainer's `user` package; observed on 20.10).
 *
 *     user spec = [ name | uid ] [ ":" ( group | gid ) ]
 */
import { Failure } from "../errors.ts";
import type { OciUser } from "./oci_spec.ts";

export interface AccountFiles {
  /** Text of /etc/passwd; "" when there is none. */
  readonly passwd: string;
  /** Text of /etc/group; "" when there is none. */
  readonly group: string;
}

/**
 * Of which groups of the image's /etc/group a user is: of those that name him, unless his own is given as well, as Docker has
 * it; or whatever is given (Kubernetes' `SupplementalGroupsPolicy` Merge); or of none (Strict).
 */
export type GroupMembership = "unless-given" | "always" | "never";

const maxId = 2147483647;

/**
 * @param spec "" stands for uid 0
 * @param addedGroups names or numbers of `--group-add`
 * @throws {Failure} `invalid` for a name that is not in the files or a number out of range
 */
export function containerUser(
  spec: string,
  addedGroups: readonly string[],
  files: AccountFiles,
  membership: GroupMembership = "unless-given",
): Required<OciUser> {
  const [userArgument = "", ...rest] = spec.split(":");
  const groupArgument = rest.join(":");
  const account = findAccount(userArgument, files.passwd);
  const groups = parseGroups(files.group);
  const memberships = groups.filter((group) => account.name !== "" && group.members.includes(account.name));
  const explicit = groupArgument === "" ? undefined : findGroup(groupArgument, groups, "unable");
  const gid = explicit ?? account.gid;
  const added = addedGroups.map((name) => findGroup(name, groups, "Unable")).sort((a, b) => a - b);
  // To Docker a group in the spec takes the place of all that the group file says of the user.
  const isMember = membership === "unless-given" ? explicit === undefined : membership === "always";
  const own = isMember ? memberships.map((group) => group.gid) : [];
  return { uid: account.uid, gid, additionalGids: [gid, ...own, ...new Set(added)] };
}

function findAccount(argument: string, passwd: string): { name: string; uid: number; gid: number } {
  const number = toNumber(argument === "" ? "0" : argument);
  for (const [name = "", , uid, gid] of rows(passwd)) {
    // Digits are always a number, even where an account has such a name.
    if (number === undefined ? name === argument : Number(uid) === number)
      return { name, uid: Number(uid) || 0, gid: Number(gid) || 0 };
  }
  if (number === undefined)
    throw new Failure("invalid", `unable to find user ${argument}: no matching entries in passwd file`);
  return { name: "", uid: checkRange(number), gid: 0 };
}

interface Group {
  readonly name: string;
  readonly gid: number;
  readonly members: readonly string[];
}

function parseGroups(text: string): Group[] {
  return rows(text).map(([name = "", , gid, members = ""]) => ({
    name,
    gid: Number(gid) || 0,
    members: members.split(","),
  }));
}

/** @param start how the daemon spells "unable" for this flag */
function findGroup(argument: string, groups: readonly Group[], start: string): number {
  const number = toNumber(argument);
  const found = groups.find((group) =>
    number === undefined ? group.name === argument : group.gid === number,
  );
  if (found !== undefined) return found.gid;
  if (number === undefined)
    throw new Failure("invalid", `${start} to find group ${argument}: no matching entries in group file`);
  return checkRange(number);
}

function rows(text: string): string[][] {
  return text
    .split("\n")
    .map((line) => line.trim())
    .filter((line) => line !== "")
    .map((line) => line.split(":"));
}

function toNumber(text: string): number | undefined {
  return /^[+-]?\d+$/.test(text) ? Number(text) : undefined;
}

function checkRange(id: number): number {
  if (id >= 0 && id <= maxId) return id;
  throw new Failure("invalid", `uids and gids must be in range 0-${maxId}`);
}
