/**
 * A client that pushes images of shared layers under tags of its own, and so knows what each must lead to, or, of a
 * request whose answer it did not get, what it may lead to.
 */
import { digestOf, mediaTypes, type Digest } from "../../../src/oci/index.ts";
import { isFailure } from "../../../src/errors.ts";
import { referencesOf } from "../../../src/registry/gc/references.ts";
import { paths } from "../../../src/registry/tree.ts";
import { Refused, type Image, type SimulatedRegistry } from "./simulated_registry.ts";
import type { Random } from "./simulated_time.ts";

const repositories = ["a", "b"];
/** One of them too large to be copied in one step. */
const contents = ["one", "two", "three", "x".repeat(66_000)].map((text) => Buffer.from(text));
const digests = new Map(contents.map((content) => [content, digestOf(content)]));

type Think = (longest: number) => Promise<void>;

export class SimulatedClient {
  readonly violations: string[] = [];
  pushes = 0;
  pulls = 0;
  readonly #number: number;
  readonly #random: Random;
  readonly #grace: number;
  readonly #strict: boolean;
  /** `a:c0` to what it may lead to; undefined for "no such tag". One element: known for sure. */
  readonly #tags = new Map<string, Set<Digest | undefined>>();
  /** `a` to digests that were stored and not deleted. */
  readonly #stored = new Map<string, Set<Digest>>(repositories.map((name) => [name, new Set()]));
  #built = 0;

  /** @param strict listings do not lag, so nothing may fail even for a moment */
  constructor(number: number, random: Random, grace: number, strict: boolean) {
    this.#number = number;
    this.#random = random;
    this.#grace = grace;
    this.#strict = strict;
  }

  async act(registry: SimulatedRegistry, think: Think): Promise<void> {
    const name = this.#pick(repositories);
    const what = this.#random();
    try {
      if (what < 0.6) await this.#push(registry, name, think);
      else if (what < 0.75) await this.#pull(registry, name);
      else if (what < 0.88) await this.#deleteTag(registry, name);
      else await this.#deleteManifest(registry, name);
    } catch (error) {
      // The client is told that it failed, and what was done stays in doubt.
      if (!isFailure(error, "unavailable")) this.violations.push(`request failed: ${String(error)}`);
    }
  }

  /** Every tag leads to what was promised, and that is whole. */
  async check(registry: SimulatedRegistry, untagged: boolean, when: string): Promise<void> {
    for (const [key, possible] of this.#tags) {
      const [name, tag] = key.split(":") as [string, string];
      const digest = await registry.findTag(name, tag);
      if (!possible.has(digest)) {
        this.violations.push(`${when}: ${key} leads to ${digest}, not to ${[...possible].join(" or ")}`);
      }
      const lost = digest && (await registry.pull(name, digest));
      if (lost !== undefined) this.violations.push(`${when}: ${key} lost ${lost}`);
    }
    if (untagged) return;
    for (const [name, digests] of this.#stored) {
      for (const digest of digests) {
        const lost = await registry.pull(name, digest);
        if (lost !== undefined) this.violations.push(`${when}: ${name}@${digest} lost ${lost}`);
      }
    }
  }

  /** Adds the files that this client's tags lead to. */
  async addReachable(registry: SimulatedRegistry, untagged: boolean, files: Set<string>): Promise<void> {
    for (const key of this.#tags.keys()) {
      const [name, tag] = key.split(":") as [string, string];
      const digest = await registry.findTag(name, tag);
      if (digest === undefined) continue;
      files.add(paths.tagCurrent(name, tag));
      // The tag's history stays.
      for (const stored of this.#everStored) files.add(paths.tagIndex(name, tag, stored));
      await this.#addManifest(registry, name, digest, files);
    }
    if (untagged) return;
    for (const [name, digests] of this.#stored) {
      for (const digest of digests) await this.#addManifest(registry, name, digest, files);
    }
  }

  readonly #everStored = new Set<Digest>();

  async #addManifest(registry: SimulatedRegistry, name: string, digest: Digest, files: Set<string>) {
    files.add(paths.revisionLink(name, digest)).add(paths.blob(digest));
    const named = referencesOf((await registry.findManifest(name, digest)) ?? new Uint8Array());
    for (const blob of named?.blobs ?? []) files.add(paths.layerLink(name, blob)).add(paths.blob(blob));
    for (const member of named?.manifests ?? []) await this.#addManifest(registry, name, member, files);
  }

  async #push(registry: SimulatedRegistry, name: string, think: Think): Promise<void> {
    const tag = this.#random() < 0.2 ? `t${this.#number}` : `c${this.#number}`;
    const image = this.#random() < 0.25 ? this.#index(tag) : this.#image(tag);
    const key = `${name}:${tag}`;
    const before = this.#tags.get(key) ?? new Set([undefined]);
    this.#tags.set(key, new Set([...before, image.digest]));
    const patient = this.#random() < 0.2;
    for (const part of [...image.members, image]) {
      const from = name === "a" ? "b" : "a";
      for (const blob of part.blobs) await registry.pushBlob(name, from, blob);
      await think(patient ? 3 * this.#grace : this.#grace / 8);
      this.#everStored.add(part.digest);
      try {
        await registry.pushManifest(name, part, part === image ? tag : undefined);
      } catch (error) {
        if (!(error instanceof Refused)) throw error;
        // A client that thinks longer than a grace has to send again; any other must not notice.
        if (!patient && this.#strict) this.violations.push(`a push was refused for ${error.message}`);
        return;
      }
      this.#stored.get(name)?.add(part.digest);
    }
    this.#tags.set(key, new Set(tag.startsWith("t") ? [image.digest, undefined] : [image.digest]));
    this.pushes += 1;
  }

  async #pull(registry: SimulatedRegistry, name: string): Promise<void> {
    const tag = `c${this.#number}`;
    const possible = this.#tags.get(`${name}:${tag}`);
    const digest = await registry.findTag(name, tag);
    if (!this.#strict || possible === undefined) return;
    if (!possible.has(digest)) this.violations.push(`a pull of ${name}:${tag} got ${digest}`);
    const lost = digest && (await registry.pull(name, digest));
    if (lost !== undefined) this.violations.push(`a pull of ${name}:${tag} did not get ${lost}`);
    this.pulls += 1;
  }

  async #deleteTag(registry: SimulatedRegistry, name: string): Promise<void> {
    const tag = `c${this.#number}`;
    const key = `${name}:${tag}`;
    this.#tags.set(key, new Set([...(this.#tags.get(key) ?? []), undefined]));
    await registry.deleteTag(name, tag);
    this.#tags.set(key, new Set([undefined]));
  }

  async #deleteManifest(registry: SimulatedRegistry, name: string): Promise<void> {
    const tag = `c${this.#number}`;
    const key = `${name}:${tag}`;
    const [digest, ...others] = this.#tags.get(key) ?? [];
    if (digest === undefined || others.length > 0) return;
    this.#tags.set(key, new Set([digest, undefined]));
    this.#stored.get(name)?.delete(digest);
    await registry.deleteManifest(name, digest, tag);
    this.#tags.set(key, new Set([undefined]));
  }

  /** @param use what is deleted by digest must not be what another tag leads to */
  #image(use: string): Image {
    const blobs = [this.#pick(contents), this.#pick(contents)];
    const [config, layer] = blobs.map((blob) => ({ digest: digests.get(blob), size: blob.length }));
    return this.#made({ config, layers: [layer] }, use, blobs, []);
  }

  #index(use: string): Image {
    const members = [this.#image("member"), this.#image("member")];
    const manifests = members.map(({ digest, bytes }) => ({ digest, size: bytes.length }));
    return this.#made({ mediaType: mediaTypes.ociIndex, manifests }, use, [], members);
  }

  /** At times the same as before, byte for byte. */
  #made(fields: object, use: string, blobs: Buffer[], members: Image[]): Image {
    if (this.#random() < 0.6) this.#built += 1;
    const annotations = { build: `${this.#number}.${this.#built}`, use };
    const bytes = Buffer.from(JSON.stringify({ schemaVersion: 2, ...fields, annotations }));
    return { bytes, digest: digestOf(bytes), blobs, members };
  }

  #pick<T>(list: readonly T[]): T {
    return list[Math.floor(this.#random() * list.length)] as T;
  }
}
