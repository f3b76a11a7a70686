/** Images that must be signed: before a tag leads to them, before they are given out. */
import type { ManifestIntent, PullIntent, RegistryPolicy } from "../hooks.ts";
import { readRevision } from "../manifest_store.ts";
import { RegistryError } from "../registry_error.ts";
import type { StorageDriver } from "../storage/types.ts";
import { ImageSignatures, type Objections } from "./image_signatures.ts";
import { IndexParents, indexMembers } from "./index_parents.ts";
import { isHarmless } from "./is_harmless.ts";
import { isSignatureTag, signatureManifest } from "./signature_kind.ts";
import { concerns, type SignatureRule } from "./signature_rule.ts";
import type { SignedTarget } from "./signed_target.ts";

export interface SignaturePolicyOptions {
  readonly rules: readonly SignatureRule[];
  readonly storage: StorageDriver;
  /** Default `Date.now`. Milliseconds. */
  readonly now?: () => number;
}

/** Levels of indexes above an image whose signatures cover it. */
const mostLevels = 3;
/** Indexes that list one image, of which one may be signed. */
const mostParents = 64;
/** Members of a list of signatures that are looked at. */
const mostMembers = 256;

/** Each rule that concerns an image must be content with it. */
export function signaturePolicy(options: SignaturePolicyOptions): RegistryPolicy {
  const { storage, now = Date.now } = options;
  const checker = new Checker(storage, new ImageSignatures(storage, now), new IndexParents(storage));
  const rulesFor = (...asked: ["push" | "pull", string, string?]) =>
    options.rules.filter((rule) => concerns(rule, ...asked));
  return {
    beforeManifest: async (intent) => {
      const target = targetOf(intent);
      for (const tag of intent.tags) {
        const rules = rulesFor("push", intent.repository, tag);
        if (rules.length === 0 || (isSignatureTag(tag) && (await checker.isSignature(intent)))) continue;
        const objections = await checker.objectionsOf(rules, intent.repository, target, 0);
        if (objections.length > 0) throw refusePush(intent, tag, objections);
      }
    },
    beforePull: async (intent) => {
      const rules = rulesFor("pull", intent.repository);
      if (rules.length === 0 || (await checker.isSignature(intent))) return;
      // Whoever has a tag means the whole image; a digest may be a member's that the image's index has told.
      const levels = intent.tag === undefined ? mostLevels : 0;
      const objections = await checker.objectionsOf(rules, intent.repository, targetOf(intent), levels);
      if (objections.length > 0) await refusePull(intent, objections);
    },
  };
}

type Given = Pick<ManifestIntent | PullIntent, "repository" | "digest" | "mediaType" | "bytes">;

function targetOf({ digest, mediaType, bytes }: Given): SignedTarget {
  return { digest, mediaType, size: bytes.length };
}

class Checker {
  readonly #storage: StorageDriver;
  readonly #signatures: ImageSignatures;
  readonly #parents: IndexParents;

  constructor(storage: StorageDriver, signatures: ImageSignatures, parents: IndexParents) {
    this.#storage = storage;
    this.#signatures = signatures;
    this.#parents = parents;
  }

  /** @param levels of indexes above the image that may be signed in its stead */
  async objectionsOf(
    rules: readonly SignatureRule[],
    repository: string,
    target: SignedTarget,
    levels: number,
  ): Promise<Objections> {
    for (const rule of rules) {
      const objections = await this.#objections(rule, repository, target, levels);
      if (objections.length > 0) return objections;
    }
    return [];
  }

  async #objections(
    rule: SignatureRule,
    repository: string,
    target: SignedTarget,
    levels: number,
  ): Promise<Objections> {
    const own = await this.#signatures.objections(repository, target, await rule.trust.current());
    if (own.length === 0 || levels === 0) return own;
    let parents = 0;
    for await (const parent of this.#parents.of(repository, target.digest)) {
      parents += 1;
      if (parents > mostParents) break;
      const index = await readRevision(this.#storage, repository, parent);
      if (index === undefined) continue;
      const above = { ...index, size: index.bytes.length };
      if ((await this.#objections(rule, repository, above, levels - 1)).length === 0) return [];
    }
    return own;
  }

  /** Itself, or a list of such, as clients make where there is no API of referrers. */
  async isSignature({ repository, mediaType, bytes }: Given): Promise<boolean> {
    const members = indexMembers(mediaType, bytes);
    if (members === undefined) return this.#isSignature(repository, { mediaType, bytes });
    if (members.length > mostMembers) return false;
    for (const member of members) {
      const manifest = await readRevision(this.#storage, repository, member);
      if (manifest === undefined || !(await this.#isSignature(repository, manifest))) return false;
    }
    return true;
  }

  async #isSignature(
    repository: string,
    { mediaType, bytes }: Pick<Given, "mediaType" | "bytes">,
  ): Promise<boolean> {
    const signature = signatureManifest(mediaType, bytes);
    return signature !== undefined && (await isHarmless(this.#storage, repository, signature));
  }
}

function refusePush({ repository, digest }: Given, tag: string, objections: Objections): RegistryError {
  const message = `${repository}:${tag} may lead only to a signed image: push it by its digest, sign it, then push the tag`;
  return new RegistryError("DENIED", [{ repository, tag, digest, signatures: objections }], {}, { message });
}

/** Whoever may push may read, too: signing begins with that. A token for pulling alone does not tell, so another is asked for. */
async function refusePull(intent: PullIntent, objections: Objections): Promise<void> {
  const refusal = await intent.pushRefusal();
  if (refusal === undefined) return;
  const { repository, digest } = intent;
  const message = `${repository}@${digest} is not given out: it has no signature of a trusted key`;
  const [code, headers] =
    refusal.status === 401 ? (["UNAUTHORIZED", refusal.headers] as const) : (["DENIED", {}] as const);
  throw new RegistryError(code, [{ repository, digest, signatures: objections }], headers, { message });
}
