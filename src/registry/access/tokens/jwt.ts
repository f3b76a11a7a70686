/**
 * JSON Web Tokens in their compact form (RFC 7515 section 7.1): `header "." claims "." signature`, each base64url. Here
 * they are only read and written; nothing that is read here is to be believed.
 */
export interface JwtHeader {
  readonly alg: string;
  readonly kid?: string | undefined;
  /** Certificates, DER in base64, the signer's first. */
  readonly x5c?: readonly string[] | undefined;
  readonly jwk?: Readonly<Record<string, unknown>> | undefined;
}

export type JwtClaims = Readonly<Record<string, unknown>>;

export interface Jwt {
  readonly header: JwtHeader;
  readonly claims: JwtClaims;
  /** What the signature is over. */
  readonly signed: Buffer;
  readonly signature: Buffer;
}

/** Longest token in bytes. Node's own limit for a whole request head is a quarter of it; forms may hold more. */
export const longestToken = 1 << 16;

/** Undefined for what is malformed, too long, or asks in `crit` for what we do not know. */
export function parseJwt(text: string): Jwt | undefined {
  if (text.length > longestToken) return undefined;
  const parts = text.split(".");
  if (parts.length !== 3 || !parts.every((part) => /^[A-Za-z0-9_-]*$/.test(part) && part.length % 4 !== 1))
    return undefined;
  const [first = "", second = "", third = ""] = parts;
  const header = headerOf(parseObject(first));
  const claims = parseObject(second);
  if (header === undefined || claims === undefined) return undefined;
  const signature = Buffer.from(third, "base64url");
  return { header, claims, signed: Buffer.from(`${first}.${second}`), signature };
}

/** The first two parts, that which is to be signed. */
export function formatUnsigned(header: object, claims: object): string {
  return [header, claims].map((part) => Buffer.from(JSON.stringify(part)).toString("base64url")).join(".");
}

function parseObject(part: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(Buffer.from(part, "base64url").toString("utf8"));
    return isRecord(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

function headerOf(value: Record<string, unknown> | undefined): JwtHeader | undefined {
  if (value === undefined || typeof value["alg"] !== "string" || value["crit"] !== undefined)
    return undefined;
  const { alg, kid, x5c, jwk } = value;
  if (kid !== undefined && typeof kid !== "string") return undefined;
  if (x5c !== undefined && !isStrings(x5c)) return undefined;
  if (jwk !== undefined && !isRecord(jwk)) return undefined;
  return { alg, kid, x5c, jwk };
}

export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

export function isStrings(value: unknown): value is string[] {
  return Array.isArray(value) && value.every((each) => typeof each === "string");
}
