/**
 * Signature version 4, as Amazon S3, Alibaba's OSS and Google's signed URLs have it in three dialects of one grammar:
 * a canonical request, the hash of it under a date and a scope, signed with a key that is derived from date and scope.
 * - S3: "Authenticating Requests (AWS Signature Version 4)", Amazon S3 API Reference
 * - OSS: "Signature Version 4 (recommended)", OSS Developer Reference
 * - Google: "Signatures", Cloud Storage documentation (V4 signing process)
 */
import { createHash, createHmac } from "node:crypto";

export interface SignatureDialect {
  /** First line of what is signed: `AWS4-HMAC-SHA256`. */
  readonly algorithm: string;
  /** Last part of the scope: `aws4_request`. */
  readonly terminator: string;
  readonly service: string;
  /** `X-Amz-`; query parameters of a signed URL begin so. */
  readonly prefix: string;
  /** Put before the secret to make the first key. */
  readonly keyPrefix: string;
  /** OSS: the path that is signed begins with the bucket, even where the host names it. */
  readonly bucketInPath?: string;
  /** OSS: only these headers are signed without being named: `content-type`, `content-md5` and its own. */
  readonly unnamedHeaders?: boolean;
}

export const awsDialect: SignatureDialect = {
  algorithm: "AWS4-HMAC-SHA256",
  terminator: "aws4_request",
  service: "s3",
  prefix: "X-Amz-",
  keyPrefix: "AWS4",
};

export const googleDialect: SignatureDialect = {
  algorithm: "GOOG4-RSA-SHA256",
  terminator: "goog4_request",
  service: "storage",
  prefix: "X-Goog-",
  keyPrefix: "GOOG4",
};

/** @param bucketInHost the bucket, where the path does not begin with it */
export function ossDialect(bucketInHost: string | undefined): SignatureDialect {
  return {
    algorithm: "OSS4-HMAC-SHA256",
    terminator: "aliyun_v4_request",
    service: "oss",
    prefix: "x-oss-",
    keyPrefix: "aliyun_v4",
    ...(bucketInHost === undefined ? {} : { bucketInPath: bucketInHost }),
    unnamedHeaders: true,
  };
}

export interface SigningKey {
  readonly region: string;
  readonly accessKey: string;
  readonly secretKey: string;
  readonly sessionToken?: string | undefined;
}

export interface ToSign {
  readonly method: string;
  readonly url: URL;
  /** All that are sent, `host` apart. */
  readonly headers: Readonly<Record<string, string>>;
  /** Hex SHA-256 of the body, or `UNSIGNED-PAYLOAD`. */
  readonly payload: string;
  readonly time: Date;
}

/** The value of `Authorization`. The headers signed must hold the dialect's date header already. */
export function authorization(dialect: SignatureDialect, key: SigningKey, request: ToSign): string {
  const { named, text } = canonicalRequest(dialect, request);
  const scope = scopeOf(dialect, key.region, request.time);
  const signature = hmac(
    signingKey(dialect, key, request.time),
    stringToSign(dialect, scope, request.time, text),
  );
  const credential = `Credential=${key.accessKey}/${scope}`;
  const last = `Signature=${signature.toString("hex")}`;
  if (dialect.unnamedHeaders === true) return `${dialect.algorithm} ${credential},${last}`;
  return `${dialect.algorithm} ${credential}, SignedHeaders=${named}, ${last}`;
}

export interface Presign {
  readonly method: string;
  readonly url: URL;
  readonly seconds: number;
  readonly time: Date;
  readonly region: string;
  readonly accessKey: string;
  readonly sessionToken?: string | undefined;
}

/**
 * A URL that needs no header. `sign` gives the signature of the string in hex: {@link hmacSigner} or Google's RSA.
 */
export function presigned(
  dialect: SignatureDialect,
  presign: Presign,
  sign: (text: string) => string,
): string {
  const { method, time, seconds, region, accessKey, sessionToken } = presign;
  const scope = scopeOf(dialect, region, time);
  const url = new URL(presign.url);
  const { prefix } = dialect;
  const oss = dialect.unnamedHeaders === true;
  const set = (name: string, value: string) => url.searchParams.set(oss ? name.toLowerCase() : name, value);
  set(`${prefix}${oss ? "signature-version" : "Algorithm"}`, dialect.algorithm);
  set(`${prefix}Credential`, `${accessKey}/${scope}`);
  set(`${prefix}Date`, stamp(time));
  set(`${prefix}Expires`, String(seconds));
  if (!oss) set(`${prefix}SignedHeaders`, "host");
  if (sessionToken !== undefined) set(`${prefix}Security-Token`, sessionToken);
  const { text } = canonicalRequest(dialect, { method, url, headers: {}, payload: "UNSIGNED-PAYLOAD", time });
  set(`${prefix}Signature`, sign(stringToSign(dialect, scope, time, text)));
  url.search = canonicalQuery(url, dialect);
  return url.href;
}

export function hmacSigner(dialect: SignatureDialect, key: SigningKey, time: Date): (text: string) => string {
  return (text) => hmac(signingKey(dialect, key, time), text).toString("hex");
}

/** `20260102T030405Z` */
export function stamp(time: Date): string {
  return `${time.toISOString().slice(0, 19).replaceAll(/[-:]/g, "")}Z`;
}

export function sha256Hex(bytes: Uint8Array | string): string {
  return createHash("sha256").update(bytes).digest("hex");
}

/** RFC 3986: all but unreserved characters; `encodeURIComponent` leaves five more as they are. */
export function encodePart(text: string): string {
  return encodeURIComponent(text).replaceAll(
    /[!'()*]/g,
    (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`,
  );
}

/** A key as a path: slashes stay. */
export function encodeKey(key: string): string {
  return key.split("/").map(encodePart).join("/");
}

function canonicalRequest(dialect: SignatureDialect, request: ToSign): { named: string; text: string } {
  const { method, url, payload } = request;
  const headers = signedHeaders(dialect, request);
  const names = headers.map(([name]) => name).join(";");
  const named = dialect.unnamedHeaders === true ? "" : names;
  const bucket = dialect.bucketInPath === undefined ? "" : `/${encodePart(dialect.bucketInPath)}`;
  const lines = headers.map(([name, value]) => `${name}:${value.trim().replaceAll(/ +/g, " ")}\n`).join("");
  const text = [method, bucket + url.pathname, canonicalQuery(url, dialect), lines, named, payload].join(
    "\n",
  );
  return { named, text };
}

function signedHeaders(dialect: SignatureDialect, { headers, url }: ToSign): [string, string][] {
  const all = Object.entries(headers).map(([name, value]): [string, string] => [name.toLowerCase(), value]);
  const own = dialect.prefix.toLowerCase();
  const chosen = all.filter(
    ([name]) => name.startsWith(own) || name === "content-type" || name === "content-md5",
  );
  if (dialect.unnamedHeaders !== true) chosen.push(["host", url.host]);
  return chosen.sort(([a], [b]) => (a < b ? -1 : 1));
}

function canonicalQuery(url: URL, dialect: SignatureDialect): string {
  // OSS writes a parameter without value without "=", S3 with it.
  const bare = dialect.unnamedHeaders === true;
  return [...url.searchParams]
    .map(([name, value]) => [encodePart(name), encodePart(value)] as const)
    .sort(([a, x], [b, y]) => (a === b ? (x < y ? -1 : 1) : a < b ? -1 : 1))
    .map(([name, value]) => (bare && value === "" ? name : `${name}=${value}`))
    .join("&");
}

function scopeOf(dialect: SignatureDialect, region: string, time: Date): string {
  return `${stamp(time).slice(0, 8)}/${region}/${dialect.service}/${dialect.terminator}`;
}

function stringToSign(dialect: SignatureDialect, scope: string, time: Date, canonical: string): string {
  return [dialect.algorithm, stamp(time), scope, sha256Hex(canonical)].join("\n");
}

function signingKey(dialect: SignatureDialect, { region, secretKey }: SigningKey, time: Date): Buffer {
  const date = hmac(dialect.keyPrefix + secretKey, stamp(time).slice(0, 8));
  return hmac(hmac(hmac(date, region), dialect.service), dialect.terminator);
}

function hmac(key: string | Buffer, text: string): Buffer {
  return createHmac("sha256", key).update(text).digest();
}
