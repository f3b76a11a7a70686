/** Looks for a good signature of an image, in the image's own repository. */
import { algorithmOf, hexOf, type Digest } from "../../oci/index.ts";
import { findRevision, resolveTag } from "../manifest_store.ts";
import { allReferrers } from "../referrers.ts";
import { ReferrersIndex } from "../referrers_index.ts";
import type { StorageDriver } from "../storage/types.ts";
import { BoundedMap } from "./bounded_map.ts";
import type { SignedTarget } from "./signed_target.ts";
import type { Trust } from "./trust.ts";
import { verifyManifest } from "./verify_manifest.ts";

/** Manifests of signatures that are looked at for one image: whoever may push could add them without end. */
const mostSignatures = 256;
const mostReasons = 5;
const remembered = 20_000;

/** Empty: there is a good signature. Else what was wrong with those that there are. */
export type Objections = readonly string[];

/** A good signature, and where it was found. */
interface Evidence {
  readonly signature: Digest;
  /** The tag that leads to it; undefined: it refers to the image. */
  readonly tag: string | undefined;
  /** Milliseconds. */
  readonly until: number;
}

export class ImageSignatures {
  readonly #storage: StorageDriver;
  readonly #referrers: ReferrersIndex;
  readonly #now: () => number;
  /** By repository and image. Other keys are another trust. */
  readonly #known = new WeakMap<Trust, BoundedMap<Evidence>>();

  /** @param now milliseconds */
  constructor(storage: StorageDriver, now: () => number) {
    this.#storage = storage;
    this.#referrers = new ReferrersIndex(storage);
    this.#now = now;
  }

  /** What is found is believed as long as the signature is there, and the keys are the same; what is not is looked for again. */
  async objections(repository: string, target: SignedTarget, trust: Trust): Promise<Objections> {
    const key = `${repository}@${target.digest}`;
    const evidence = this.#known.get(trust) ?? new BoundedMap(remembered);
    this.#known.set(trust, evidence);
    const known = evidence.get(key);
    if (known !== undefined && known.until > this.#now() && (await this.#isThere(repository, known)))
      return [];
    const reasons: string[] = [];
    let looked = 0;
    for await (const { signature, tag } of this.#candidates(repository, target.digest)) {
      const now = this.#now();
      const asked = { storage: this.#storage, repository, target, trust, now };
      const verdict = await verifyManifest(asked, signature);
      if (verdict.kind === "good") {
        evidence.set(key, { signature, tag, until: verdict.until });
        return [];
      }
      if (verdict.kind === "none") continue;
      reasons.push(...verdict.reasons.map((reason) => `${signature} ${reason}`.slice(0, 300)));
      looked += 1;
      if (looked === mostSignatures) break;
    }
    evidence.delete(key);
    return reasons.length === 0 ? ["there is no signature of it"] : reasons.slice(0, mostReasons);
  }

  async #isThere(repository: string, { signature, tag }: Evidence): Promise<boolean> {
    if (tag !== undefined && (await resolveTag(this.#storage, repository, tag)) !== signature) return false;
    return (await findRevision(this.#storage, repository, signature)) !== undefined;
  }

  /** cosign's tag first: it is found without a look at the other manifests. */
  async *#candidates(repository: string, digest: Digest): AsyncGenerator<Candidate, void, undefined> {
    const tag = `${algorithmOf(digest)}-${hexOf(digest)}.sig`;
    const tagged = await resolveTag(this.#storage, repository, tag);
    if (tagged !== undefined) yield { signature: tagged, tag };
    const reading = { storage: this.#storage, referrers: this.#referrers };
    for (const signature of await allReferrers(reading, repository, digest))
      yield { signature, tag: undefined };
  }
}

interface Candidate {
  readonly signature: Digest;
  readonly tag: string | undefined;
}
