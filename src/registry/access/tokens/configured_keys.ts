/** The keys that distribution's `auth.token` names: a bundle of certificates, a key set in a file, ours also one by URL. */
import type { KeyObject, X509Certificate } from "node:crypto";
import { Failure } from "../../../errors.ts";
import { ReloadedFile, type ReloadedFileOptions } from "../reloaded_file.ts";
import { parseCertificates, verifyChain } from "./certificate_chain.ts";
import { parseJwkSet, publicKeyOf, type JwkSet } from "./jwk_set.ts";
import { isStrings, type JwtHeader } from "./jwt.ts";
import { jwkThumbprint, libtrustKeyId } from "./key_ids.ts";
import type { KeySource } from "./key_source.ts";
import { RemoteKeys } from "./remote_keys.ts";

export interface ConfiguredKeysOptions extends ReloadedFileOptions {
  /** File of certificates, PEM. */
  readonly rootcertbundle?: string | undefined;
  /** File or http(s) URL of a JSON Web Key Set. */
  readonly jwks?: string | undefined;
  /** Milliseconds. */
  readonly now: () => number;
}

interface Bundle {
  readonly roots: readonly X509Certificate[];
  readonly keys: ReadonlyMap<string, KeyObject>;
}

const noBundle: Bundle = { roots: [], keys: new Map() };

export class ConfiguredKeys implements KeySource {
  readonly #bundle: ReloadedFile<Bundle> | undefined;
  readonly #set: ReloadedFile<JwkSet> | undefined;
  readonly #remote: RemoteKeys | undefined;
  readonly #now: () => number;

  constructor(options: ConfiguredKeysOptions) {
    const { rootcertbundle, jwks, now } = options;
    const remote = jwks !== undefined && /^https?:/.test(jwks) ? jwks : undefined;
    this.#bundle =
      rootcertbundle === undefined ? undefined : new ReloadedFile(rootcertbundle, parseBundle, options);
    this.#set =
      jwks === undefined || remote !== undefined
        ? undefined
        : new ReloadedFile(jwks, (bytes) => parseJwkSet(bytes.toString("utf8")), options);
    this.#remote = remote === undefined ? undefined : new RemoteKeys(() => Promise.resolve(remote), now);
    this.#now = now;
  }

  /** Reads the files. @throws Failure for one that cannot be used */
  async check(): Promise<void> {
    await Promise.all([this.#bundle?.get(), this.#set?.get()]);
  }

  /** distribution's order of preference: `x5c`, `jwk`, `kid`. */
  async keyOf({ x5c, jwk, kid, alg }: JwtHeader): Promise<KeyObject> {
    const bundle = (await this.#bundle?.get()) ?? noBundle;
    if (x5c !== undefined && x5c.length > 0) return verifyChain(x5c, bundle.roots, this.#now());
    if (jwk !== undefined) return this.#embedded(jwk, bundle, alg);
    if (kid === undefined || kid === "")
      throw new Failure("unauthorized", "the token does not say by which key");
    const key = await this.#named(kid, bundle, alg);
    if (key === undefined)
      throw new Failure("unauthorized", `the token is signed with the unknown key ${kid}`);
    return key;
  }

  /** A key in the token itself counts if it is a trusted one, or its own certificates lead to a root. */
  async #embedded(jwk: Readonly<Record<string, unknown>>, bundle: Bundle, alg: string): Promise<KeyObject> {
    const key = publicKeyOf(jwk);
    if (key === undefined) throw new Failure("unauthorized", "the token holds a key that cannot be read");
    const { x5c } = jwk;
    const trusted = isStrings(x5c)
      ? verifyChain(x5c, bundle.roots, this.#now())
      : await this.#named(jwkThumbprint(key), bundle, alg);
    if (trusted?.equals(key) !== true)
      throw new Failure("unauthorized", "the token holds a key that is not trusted");
    return key;
  }

  async #named(kid: string, bundle: Bundle, alg: string): Promise<KeyObject | undefined> {
    const certified = bundle.keys.get(kid);
    if (certified !== undefined) return certified;
    const found = (await this.#set?.get())?.get(kid) ?? (await this.#remote?.find(kid));
    return found === undefined || (found.alg ?? alg) !== alg ? undefined : found.key;
  }
}

function parseBundle(bytes: Buffer): Bundle {
  const roots = parseCertificates(bytes.toString("latin1"));
  if (roots.length === 0) throw new Failure("invalid", "it holds no certificate");
  const keys = roots.flatMap(({ publicKey }): [string, KeyObject][] => [
    [libtrustKeyId(publicKey), publicKey],
    [jwkThumbprint(publicKey), publicKey],
  ]);
  return { roots, keys: new Map(keys) };
}
