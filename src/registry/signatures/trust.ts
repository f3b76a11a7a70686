/** Whose signatures count. */
import { X509Certificate, type KeyObject } from "node:crypto";
import { Failure } from "../../errors.ts";
import { ReloadedFile, type ReloadedFileOptions } from "../access/reloaded_file.ts";
import { parseCertificates } from "../access/tokens/certificate_chain.ts";
import type { NotationTrust } from "./notation/verify_notation.ts";
import { parsePublicKeys } from "./public_key.ts";

export interface Trust {
  /** cosign's. */
  readonly keys: readonly KeyObject[];
  readonly notation: NotationTrust;
}

export interface TrustFiles {
  /** PEM files of public keys. */
  readonly keys: readonly string[];
  /** PEM files of certificates. */
  readonly certificates: readonly string[];
  /** As `NotationTrust` has them. */
  readonly identities: readonly (readonly string[])[];
}

export class TrustSource {
  readonly #keys: readonly ReloadedFile<readonly KeyObject[]>[];
  readonly #certificates: readonly ReloadedFile<readonly X509Certificate[]>[];
  readonly #identities: NotationTrust["identities"];
  #trust: Trust | undefined;
  #contents: readonly unknown[] = [];

  constructor(files: TrustFiles, options: ReloadedFileOptions) {
    this.#keys = files.keys.map(
      (path) => new ReloadedFile(path, (bytes) => parsePublicKeys(bytes.toString("latin1")), options),
    );
    this.#certificates = files.certificates.map(
      (path) => new ReloadedFile(path, (bytes) => certificatesIn(bytes.toString("latin1")), options),
    );
    this.#identities = files.identities;
  }

  /**
   * As the files are now; the same object as long as they stay as they are.
   * @throws Failure as `ReloadedFile`: who takes a key away means it
   */
  async current(): Promise<Trust> {
    const keys = await Promise.all(this.#keys.map((file) => file.get()));
    const certificates = await Promise.all(this.#certificates.map((file) => file.get()));
    const contents = [...keys, ...certificates];
    const isSame = contents.every((each, index) => each === this.#contents[index]);
    if (this.#trust === undefined || !isSame) {
      const notation = { certificates: certificates.flat(), identities: this.#identities };
      this.#trust = { keys: keys.flat(), notation };
      this.#contents = contents;
    }
    return this.#trust;
  }
}

function certificatesIn(pem: string): X509Certificate[] {
  const certificates = parseCertificates(pem);
  if (certificates.length === 0) throw new Failure("invalid", 'holds no "CERTIFICATE" in PEM');
  return certificates;
}
