/** Docker's directory `overlay2/`, byte for byte (behaviours B130, B131, B146-B149). */
import { randomInt } from "node:crypto";
import { readFileSync } from "node:fs";
import { type ByteString, fromText } from "../byte_string.ts";
import { Failure } from "../errors.ts";
import * as sys from "../sys/index.ts";
import type { CacheId } from "./types.ts";

/** Docker's limit (moby, overlay2.go, maxDepth); the kernel's own is 500. */
export const maximumLowers = 128;

const linkLength = 26;
const linkAlphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

/** A name of 26 characters of base 32, as `link` holds. */
export function randomLink(): string {
  return Array.from({ length: linkLength }, () => linkAlphabet[randomInt(32)]).join("");
}

/** Paths and small files of one `overlay2/`. Nothing is mounted here. */
export class OverlayLayout {
  readonly home: string;
  readonly #homeBytes: ByteString;

  /** @param home the driver's directory, absolute */
  constructor(home: string) {
    this.home = home;
    this.#homeBytes = fromText(home);
  }

  directory(id: CacheId): string {
    return `${this.home}/${id}`;
  }

  diff(id: CacheId): string {
    return `${this.home}/${id}/diff`;
  }

  work(id: CacheId): string {
    return `${this.home}/${id}/work`;
  }

  merged(id: CacheId): string {
    return `${this.home}/${id}/merged`;
  }

  exists(id: CacheId): boolean {
    return sys.statAtIfExists(sys.AT_FDCWD, this.#bytes(id)) !== undefined;
  }

  /** @throws Failure("not-found") */
  mustExist(id: CacheId): void {
    if (!this.exists(id)) throw new Failure("not-found", `no layer directory ${this.directory(id)}`);
  }

  /** Whether a child was ever created on it: from then on it is only read (B149). */
  isCommitted(id: CacheId): boolean {
    return sys.statAtIfExists(sys.AT_FDCWD, this.#bytes(id, "committed")) !== undefined;
  }

  /** The parents' short links, nearest first: `l/ABC...`; none for a base. */
  lowerLinks(id: CacheId): string[] {
    const text = this.#readSmall(id, "lower");
    return text === undefined || text === "" ? [] : text.split(":");
  }

  /** The parents' cache IDs, nearest first. @throws Failure("corrupt") for a link that leads nowhere known */
  lowers(id: CacheId): CacheId[] {
    return this.lowerLinks(id).map((link) => {
      const target = sys.readlinkAt(sys.AT_FDCWD, `${this.#homeBytes}/${link}`);
      const found = /^\.\.\/([^/]+)\/diff$/.exec(target)?.[1];
      if (found === undefined) throw new Failure("corrupt", `layer link ${link} points to ${target}`);
      return found;
    });
  }

  /**
   * Makes the directory of `id` on `parent`, and marks the parent as committed.
   * Nothing is synced: whoever fills the directory syncs the file system afterwards.
   * @throws Failure("conflict") if it exists, Failure("not-found") without the parent, Failure("limit") beyond 128
   */
  create(id: CacheId, parent: CacheId | undefined): void {
    this.#makeHome();
    const lower = parent === undefined ? [] : this.#lowerOfChild(parent);
    if (lower.length > maximumLowers) throw new Failure("limit", "max depth exceeded");
    try {
      makeDirectory(this.#bytes(id), 0o710);
    } catch (error) {
      if (!sys.isSysError(error, "EEXIST")) throw error;
      throw new Failure("conflict", `layer directory ${this.directory(id)} exists already`, { cause: error });
    }
    try {
      this.#fill(id, parent, lower);
    } catch (error) {
      this.removeLink(id);
      sys.removeTree(this.#bytes(id));
      throw error;
    }
  }

  #fill(id: CacheId, parent: CacheId | undefined, lower: readonly string[]): void {
    makeDirectory(this.#bytes(id, "diff"), 0o755);
    const link = randomLink();
    // The file first: whoever removes what a crash has left must find the symlink by it.
    writeSmall(this.#bytes(id, "link"), link, 0o644);
    sys.symlinkAt(`../${id}/diff`, sys.AT_FDCWD, `${this.#homeBytes}/l/${link}`);
    if (parent === undefined) return;
    makeDirectory(this.#bytes(id, "work"), 0o700);
    writeSmall(this.#bytes(parent, "committed"), "", 0o600);
    writeSmall(this.#bytes(id, "lower"), lower.join(":"), 0o644);
  }

  #lowerOfChild(parent: CacheId): string[] {
    const link = this.#readSmall(parent, "link");
    if (link === undefined) throw new Failure("not-found", `no layer directory ${this.directory(parent)}`);
    return [`l/${link}`, ...this.lowerLinks(parent)];
  }

  /** Removes the short link of `id`; it may be missing. */
  removeLink(id: CacheId): void {
    const link = this.#readSmall(id, "link");
    // What is in the file becomes a path: a damaged one must not name anything else.
    if (link !== undefined && /^[A-Z2-7]+$/.test(link)) sys.removeTree(`${this.#homeBytes}/l/${link}`);
  }

  /** Names in the directory, `l` apart. */
  names(): string[] {
    let fd: number;
    try {
      fd = sys.openAt(sys.AT_FDCWD, this.#homeBytes, sys.O_RDONLY | sys.O_DIRECTORY);
    } catch (error) {
      if (sys.isSysError(error, "ENOENT")) return [];
      throw error;
    }
    try {
      const entries = sys.readDir(fd);
      return entries.map((entry) => entry.name).filter((name) => name !== "l");
    } finally {
      sys.close(fd);
    }
  }

  #makeHome(): void {
    if (sys.statAtIfExists(sys.AT_FDCWD, `${this.#homeBytes}/l`) !== undefined) return;
    makeIfMissing(this.#homeBytes, 0o710);
    makeIfMissing(`${this.#homeBytes}/l`, 0o700);
  }

  #bytes(id: CacheId, file?: string): ByteString {
    return file === undefined ? `${this.#homeBytes}/${id}` : `${this.#homeBytes}/${id}/${file}`;
  }

  #readSmall(id: CacheId, file: string): string | undefined {
    try {
      return readFileSync(`${this.home}/${id}/${file}`, "latin1");
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
      throw error;
    }
  }
}

/** Makes a directory whose mode does not depend on the umask. */
export function makeDirectory(path: ByteString, mode: number): void {
  sys.mkdirAt(sys.AT_FDCWD, path, mode);
  sys.chmodAt(sys.AT_FDCWD, path, mode);
}

/** {@link makeDirectory} with its parents, unless it is there. */
export function makeIfMissing(path: ByteString, mode: number): void {
  try {
    makeDirectory(path, mode);
  } catch (error) {
    if (sys.isSysError(error, "EEXIST")) return;
    if (!sys.isSysError(error, "ENOENT")) throw error;
    makeIfMissing(path.slice(0, path.lastIndexOf("/")), mode);
    makeIfMissing(path, mode);
  }
}

function writeSmall(path: ByteString, text: string, mode: number): void {
  const fd = sys.openAt(sys.AT_FDCWD, path, sys.O_WRONLY | sys.O_CREAT | sys.O_TRUNC, mode);
  try {
    sys.fchmod(fd, mode);
    sys.write(fd, Buffer.from(text, "latin1"));
  } finally {
    sys.close(fd);
  }
}
