/** A notation signature as its two formats have it. */
export interface Envelope {
  /** By JOSE's name: `PS384`. */
  readonly algorithm: string | undefined;
  readonly contentType: unknown;
  /** `io.cncf.notary.signingScheme` */
  readonly scheme: unknown;
  /** Attributes that a verifier must understand. */
  readonly critical: readonly unknown[];
  /** Names of all signed attributes. */
  readonly attributes: readonly unknown[];
  /** Milliseconds; NaN: it is there and is no time. */
  readonly expiry: number | undefined;
  /** DER, the signer's first. */
  readonly certificates: readonly Uint8Array[];
  readonly payload: Buffer;
  /** What the signature is over. */
  readonly signed: Buffer;
  readonly signature: Buffer;
}

export const attribute = {
  scheme: "io.cncf.notary.signingScheme",
  expiry: "io.cncf.notary.expiry",
} as const;
