/** Owner, permission and extended attributes of what was just made. Order matters: see {@link Attributes}. */
import type { ByteString } from "../byte_string.ts";
import * as sys from "../sys/index.ts";
import { readFileSync } from "node:fs";
import type { TarEntry } from "../tar/index.ts";
import type { Directory } from "./directories.ts";
import { impossibleOwner } from "./refusals.ts";
import type { ApplyTarget } from "./types.ts";

const setIdBits = 0o6000;
/** mkdir(2) takes the sticky bit but not the set-id bits. */
const mkdirIgnores = 0o6000;
/** chown(2) takes -1 for "leave it": a tar must not be able to say that. */
const maximumId = 0xffff_fffe;

export function isOwner(uid: number, gid: number): boolean {
  return uid <= maximumId && gid <= maximumId && uid >= 0 && gid >= 0;
}

/**
 * Sets attributes with as few calls as possible: nothing that the kernel has given already is set again. Always owner
 * first: chown(2) takes away set-id bits and `security.capability`; writing takes both away too, so they come last.
 */
export class Attributes {
  readonly #uid = process.geteuid?.() ?? 0;
  readonly #gid = process.getegid?.() ?? 0;
  readonly #mayChown: boolean;
  readonly #tolerant: boolean;
  readonly umask: number = currentUmask();
  /** Unknown until the first name was made: a mount may give groups by a rule of its own (`grpid`, id maps). */
  #kernelIsUsual: boolean | undefined;

  constructor(ownership: ApplyTarget["ownership"]) {
    this.#tolerant = ownership === "best-effort";
    this.#mayChown = ownership === "exact" || this.#uid === 0;
  }

  /**
   * Permissions for a file or directory of an entry. An ordinary user is let into what is his: he must be able to read
   * it for `save`, fill it in the layers above and remove it (Fedora's `/etc/shadow` has mode 000). What the tar says is
   * kept by tar-split.
   */
  modeOf({ mode, type }: Pick<TarEntry, "mode" | "type">): number {
    return this.#uid === 0 ? mode : mode | (type === "directory" ? 0o700 : 0o400);
  }

  /** Whether what an ordinary user may not do is left out. */
  get tolerant(): boolean {
    return this.#tolerant;
  }

  /** Whether something new in `directory` has to be given to the entry's owner. */
  ownerDiffers(directory: Directory, name: ByteString, { uid, gid }: TarEntry): boolean {
    if (!isOwner(uid, gid)) throw impossibleOwner(uid, gid);
    if (!this.#mayChown) return false;
    this.#kernelIsUsual ??= this.#probe(directory, name);
    return uid !== this.#uid || gid !== (directory.groupOfNew ?? this.#gid) || !this.#kernelIsUsual;
  }

  #probe(directory: Directory, name: ByteString): boolean {
    const { uid, gid } = sys.statAt(directory.fd, name);
    return uid === this.#uid && gid === (directory.groupOfNew ?? this.#gid);
  }

  /** `fchown`, which an ordinary user may be refused. */
  ownFile(fd: number, { uid, gid }: TarEntry): void {
    try {
      sys.fchown(fd, uid, gid);
    } catch (error) {
      if (!this.#mayFail(error)) throw error;
    }
  }

  /** The owner of a name that is not a regular file, if it differs; never follows a symlink. */
  own(directory: Directory, name: ByteString, entry: TarEntry): boolean {
    return this.ownerDiffers(directory, name, entry) && this.chown(directory, name, entry);
  }

  /** @returns false where this user may not, and need not */
  chown(directory: Directory, name: ByteString, { uid, gid }: TarEntry): boolean {
    if (!isOwner(uid, gid)) throw impossibleOwner(uid, gid);
    if (!this.#mayChown) return false;
    try {
      sys.chownAt(directory.fd, name, uid, gid);
      return true;
    } catch (error) {
      if (!this.#mayFail(error)) throw error;
      return false;
    }
  }

  #mayFail(error: unknown): boolean {
    // EINVAL: an id that the user namespace does not map (user_namespaces(7)).
    return this.#tolerant && sys.isSysError(error, "EPERM", "EINVAL");
  }

  /** Whether a file made with `mode` needs a chmod after all. Writing, too, clears set-id bits, but not for root. */
  fileModeDiffers(mode: number, chowned: boolean): boolean {
    return (mode & this.umask) !== 0 || ((mode & setIdBits) !== 0 && (chowned || this.#uid !== 0));
  }

  /** The same for a directory; one made in a set-group-id directory inherits that bit (inode(7)). */
  directoryModeDiffers(directory: Directory, mode: number): boolean {
    return (mode & (this.umask | mkdirIgnores)) !== 0 || directory.groupOfNew !== undefined;
  }

  /** Extended attributes of an open file. */
  fileXattrs(fd: number, xattrs: ReadonlyMap<ByteString, Uint8Array>): void {
    for (const [attribute, value] of xattrs) {
      if (isReserved(attribute)) continue;
      try {
        sys.setXattr(fd, attribute, value);
      } catch (error) {
        if (!mayLack(error)) throw error;
      }
    }
  }

  /** Extended attributes of a name; a symlink's own. */
  xattrs(directory: Directory, name: ByteString, xattrs: ReadonlyMap<ByteString, Uint8Array>): void {
    for (const [attribute, value] of xattrs) {
      if (isReserved(attribute)) continue;
      try {
        sys.setXattrAt(directory.fd, name, attribute, value);
      } catch (error) {
        if (!mayLack(error)) throw error;
      }
    }
  }

  /** Removes what an older directory of this name had and the entry that merges with it does not list. */
  dropXattrs(directory: Directory, name: ByteString): void {
    for (const attribute of sys.listXattrAt(directory.fd, name)) {
      if (!isReserved(attribute)) sys.removeXattrAt(directory.fd, name, attribute);
    }
  }
}

/**
 * Attributes that a layer tar may not bring and a diff does not take: overlayfs' own would let a layer redirect or
 * hide what lies below it (kernel overlayfs.rst); the others are meaningful on one host only, as umoci has it.
 */
export function isReserved(attribute: ByteString): boolean {
  return (
    attribute.startsWith("trusted.overlay.") ||
    attribute.startsWith("user.overlay.") ||
    attribute === "security.selinux" ||
    attribute === "security.ima" ||
    attribute === "security.evm" ||
    attribute === "system.nfs4_acl"
  );
}

/** Docker goes on where the file system has no attributes (ENOTSUP) or this kind of file takes none (EPERM). */
function mayLack(error: unknown): boolean {
  return sys.isSysError(error, "EOPNOTSUPP", "ENOTSUP", "EPERM");
}

/** Read, not set and reset: the umask belongs to all threads of the process. */
function currentUmask(): number {
  try {
    const line = /^Umask:\s*([0-7]+)$/m.exec(readFileSync("/proc/self/status", "latin1"));
    if (line !== null) return Number.parseInt(line[1] as string, 8);
  } catch {
    // No /proc: then every mode is set again, which is right with any umask.
  }
  return 0o777;
}
