/** What an instance of the registry does for the requests of a push, a pull and a delete: the core's steps, no HTTP. */
import { digestOf, type Digest } from "../../../src/oci/index.ts";
import { findBlob, linkBlob } from "../../../src/registry/blobs.ts";
import { guardOf, type BlobGuard } from "../../../src/registry/gc/blob_guard.ts";
import type { GcClock } from "../../../src/registry/gc/gc_clock.ts";
import { guardedStorage, type GuardedStorage } from "../../../src/registry/gc/guarded_storage.ts";
import { referencesOf } from "../../../src/registry/gc/references.ts";
import {
  findRevision,
  readRevision,
  removeTag,
  resolveTag,
  writeRevision,
  writeTag,
} from "../../../src/registry/manifest_store.ts";
import type { StorageDriver } from "../../../src/registry/storage/types.ts";
import { paths } from "../../../src/registry/tree.ts";

export interface Image {
  readonly bytes: Uint8Array;
  readonly digest: Digest;
  /** Contents of config and layers. */
  readonly blobs: readonly Uint8Array[];
  /** Members of an index. */
  readonly members: readonly Image[];
}

/** The client was told no: a push has to begin anew. */
export class Refused extends Error {}

export class SimulatedRegistry {
  readonly #guarded: GuardedStorage;
  readonly #clock: GcClock;

  constructor(storage: StorageDriver, clock: GcClock, guard: BlobGuard = guardOf(storage, clock)) {
    this.#guarded = guardedStorage(storage, guard);
    this.#clock = clock;
  }

  /** HEAD, then a mount, then an upload. */
  async pushBlob(name: string, from: string, bytes: Uint8Array): Promise<void> {
    const { storage, keeping } = this.#guarded;
    const digest = digestOf(bytes);
    if ((await findBlob(keeping, name, digest)) !== undefined) return;
    if ((await findBlob(keeping, from, digest)) !== undefined) {
      await linkBlob(storage, name, digest);
      if ((await storage.stat(paths.blob(digest))) !== undefined) return;
    }
    const upload = paths.upload(name, uuidOf(this.#clock));
    await storage.write(`${upload}/startedat`, Buffer.from(new Date(this.#clock.now()).toISOString()));
    await storage.write(`${upload}/data`, bytes);
    await storage.move(`${upload}/data`, paths.blob(digest));
    await linkBlob(storage, name, digest);
    await storage.remove(upload);
  }

  /** PUT of a manifest. Throws `Refused` if what it names is not there. */
  async pushManifest(name: string, image: Image, tag?: string): Promise<void> {
    const { storage, keeping } = this.#guarded;
    const named = referencesOf(image.bytes);
    for (const blob of named?.blobs ?? []) {
      if ((await findBlob(keeping, name, blob)) === undefined) throw new Refused(`blob ${blob} in ${name}`);
    }
    for (const member of named?.manifests ?? []) {
      const target = await findRevision(keeping, name, member);
      const found = target && (await keeping.stat(paths.blob(target)));
      if (found === undefined) throw new Refused(`manifest ${member} in ${name}`);
    }
    await writeRevision(storage, name, { ...image, type: undefined });
    if (tag !== undefined) await writeTag(storage, name, tag, image.digest, { onlyNew: false });
  }

  findTag(name: string, tag: string): Promise<Digest | undefined> {
    return resolveTag(this.#guarded.storage, name, tag);
  }

  async findManifest(name: string, digest: Digest): Promise<Uint8Array | undefined> {
    return (await readRevision(this.#guarded.storage, name, digest))?.bytes;
  }

  /** Pulls all that a manifest leads to; what could not be had, or undefined. */
  async pull(name: string, digest: Digest): Promise<string | undefined> {
    const bytes = await this.findManifest(name, digest);
    if (bytes === undefined) return `manifest ${name}@${digest}`;
    const named = referencesOf(bytes);
    for (const member of named?.manifests ?? []) {
      const lost = await this.pull(name, member);
      if (lost !== undefined) return lost;
    }
    for (const blob of named?.blobs ?? []) {
      if ((await findBlob(this.#guarded.storage, name, blob)) === undefined) return `blob ${name}@${blob}`;
    }
    return undefined;
  }

  deleteTag(name: string, tag: string): Promise<void> {
    return removeTag(this.#guarded.storage, name, tag);
  }

  /** A manifest of one tag. The tag goes first: no tag may lead to what is not there. */
  async deleteManifest(name: string, digest: Digest, tag: string): Promise<void> {
    await removeTag(this.#guarded.storage, name, tag);
    await this.#guarded.storage.remove(paths.revision(name, digest));
  }
}

/** In the form that the tree asks for; from the clock, so that a seed gives the same names. */
function uuidOf(clock: GcClock): string {
  const hex = digestOf(clock.newId()).slice(7);
  return [8, 4, 4, 4, 12].map((length, at) => hex.slice(at * 12, at * 12 + length)).join("-");
}
