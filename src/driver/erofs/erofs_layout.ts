/**
 * The directory `erofs/`. It is varve's alone; dockerd has no such driver.
 *
 *     <id>/parent      cache ID of the layer below, absent at the base
 *     <id>/layer.tar   an image's layer: its plain tar, byte for byte, and what is in it
 *     <id>/catalog
 *     <id>/shared      parts of the tar that lie in others', of which `lent/` holds a second name (shared_ranges.ts)
 *     <id>/image       what the kernel mounts for the image whose uppermost layer this is: a cache
 *     <id>/diff, work  a container's layer: an upper directory of overlayfs
 *     <id>/merged      its mount point, only while it is mounted
 */
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { fromText } from "../../byte_string.ts";
import { Failure } from "../../errors.ts";
import type { TarTarget } from "../../layer/index.ts";
import * as sys from "../../sys/index.ts";
import { checkCacheId, isOwnCacheId } from "../cache_id.ts";
import { makeDirectory, makeIfMissing, maximumLowers } from "../overlay_layout.ts";
import type { CacheId } from "../types.ts";

export class ErofsLayout {
  readonly home: string;

  /** @param home the driver's directory, absolute */
  constructor(home: string) {
    this.home = home;
  }

  directory(id: CacheId): string {
    return `${this.home}/${checkCacheId(id)}`;
  }

  tar(id: CacheId): string {
    return `${this.directory(id)}/layer.tar`;
  }

  target(id: CacheId): TarTarget {
    return { tar: this.tar(id), catalog: `${this.directory(id)}/catalog` };
  }

  image(id: CacheId): string {
    return `${this.directory(id)}/image`;
  }

  diff(id: CacheId): string {
    return `${this.directory(id)}/diff`;
  }

  work(id: CacheId): string {
    return `${this.directory(id)}/work`;
  }

  merged(id: CacheId): string {
    return `${this.directory(id)}/merged`;
  }

  exists(id: CacheId): boolean {
    return existsSync(this.directory(id));
  }

  /** @throws Failure("not-found") */
  mustExist(id: CacheId): void {
    if (!this.exists(id)) throw new Failure("not-found", `no layer directory ${this.directory(id)}`);
  }

  /** Whether it is a directory that is written through a mount, and no tar. */
  isWritable(id: CacheId): boolean {
    return existsSync(this.diff(id));
  }

  parent(id: CacheId): CacheId | undefined {
    try {
      return checkCacheId(readFileSync(`${this.directory(id)}/parent`, "latin1"));
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
      throw error;
    }
  }

  /** `id` and all below it, uppermost first. @throws Failure("not-found") where one is missing */
  chain(id: CacheId): CacheId[] {
    const chain: CacheId[] = [];
    for (let at: CacheId | undefined = id; at !== undefined; at = this.parent(at)) {
      this.mustExist(at);
      chain.push(at);
    }
    return chain;
  }

  /** An image's layers, bottom first. @param id the uppermost @throws Failure("not-found") where one is missing */
  targets(id: CacheId): TarTarget[] {
    return this.chain(id)
      .toReversed()
      .map((layer) => this.target(layer));
  }

  /** Those that stand directly on `id` and are written to: containers' init layers. */
  hasWritableChild(id: CacheId): boolean {
    return this.names().some((name) => this.isWritable(name) && this.parent(name) === id);
  }

  /**
   * Makes the directory. Nothing is synced: whoever fills it syncs the file system afterwards.
   * @throws Failure("conflict") if it exists, Failure("not-found") without the parent, Failure("invalid") for an image's
   *   layer on a container's
   */
  create(id: CacheId, parent: CacheId | undefined, writable: boolean): void {
    const directory = this.directory(id);
    if (parent !== undefined) this.#checkParent(parent, writable);
    makeIfMissing(fromText(this.home), 0o710);
    try {
      makeDirectory(fromText(directory), 0o710);
    } catch (error) {
      if (!sys.isSysError(error, "EEXIST")) throw error;
      throw new Failure("conflict", `layer directory ${directory} exists already`, { cause: error });
    }
    try {
      if (parent !== undefined) writeFileSync(`${directory}/parent`, parent, { mode: 0o644 });
      if (!writable) return;
      makeDirectory(fromText(this.work(id)), 0o700);
      makeDirectory(fromText(this.diff(id)), 0o755);
    } catch (error) {
      sys.removeTree(fromText(directory));
      throw error;
    }
  }

  #checkParent(parent: CacheId, writable: boolean): void {
    if (this.chain(parent).length > maximumLowers) throw new Failure("limit", "max depth exceeded");
    if (!writable && this.isWritable(parent))
      throw new Failure("invalid", `cannot put a layer on ${parent}, which a container writes to`);
  }

  names(): CacheId[] {
    if (!existsSync(this.home)) return [];
    return readdirSync(this.home).filter(isOwnCacheId).sort();
  }
}
