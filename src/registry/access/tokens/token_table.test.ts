/** Tokens, good and hostile, for a registry that trusts a bundle of certificates. */
import { createHmac, createPublicKey, type KeyObject } from "node:crypto";
import { signToken } from "../testing.test.ts";
import { certify } from "./certificates_fixture.test.ts";
import { formatUnsigned } from "./jwt.ts";
import { jwkThumbprint, libtrustKeyId } from "./key_ids.ts";

export interface TokenCase {
  readonly name: string;
  readonly token: string;
  /** What `GET /v2/team/app/manifests/1` with it gives. */
  readonly result: "ok" | "invalid_token" | "insufficient_scope";
  /** What docker-registry 2.8 says, where that is another thing, and why. */
  readonly peer?: "ok" | "invalid_token";
}

export const service = "registry.example";
export const issuer = "tokens.example";

export interface TokenTable {
  /** PEM of `rootcertbundle`. */
  readonly bundle: string;
  readonly cases: readonly TokenCase[];
}

/** @param directory for openssl's files; @param now seconds */
export function tokenTable(directory: string, now: number): TokenTable {
  const authority = makeAuthority(directory);
  const bundle = [authority.root, authority.rsa, authority.p384].map(({ pem }) => pem).join("");
  const claims = claimsAt(now);
  return {
    bundle,
    cases: [
      ...keyCases(authority, claims),
      ...claimCases(authority, now),
      ...hostileCases(authority, claims),
    ],
  };
}

type Authority = ReturnType<typeof makeAuthority>;

function makeAuthority(directory: string) {
  const root = certify(directory, "root");
  const middle = certify(directory, "middle", { by: root });
  const leaf = certify(directory, "leaf", { by: root, isCa: false });
  return {
    root,
    middle,
    leaf,
    rsa: certify(directory, "rsa", { kind: "rsa", isCa: false }),
    p384: certify(directory, "p384", { kind: "p384" }),
    deep: certify(directory, "deep", { by: middle, isCa: false }),
    expired: certify(directory, "expired", { by: root, days: -1 }),
    byLeaf: certify(directory, "byleaf", { by: leaf, isCa: false }),
    stranger: certify(directory, "stranger"),
    edwards: certify(directory, "edwards", { kind: "ed25519", by: root, isCa: false }),
    small: certify(directory, "small", { kind: "rsa1024", by: root, isCa: false }),
  };
}

function claimsAt(now: number) {
  const access = [{ type: "repository", name: "team/app", actions: ["pull"] }];
  return { iss: issuer, aud: service, sub: "jo", exp: now + 300, nbf: now - 10, iat: now, jti: "1", access };
}

const publicOf = (key: KeyObject) => createPublicKey(key);
const publicJwk = (key: KeyObject) => publicOf(key).export({ format: "jwk" });
const libtrustId = (key: KeyObject) => libtrustKeyId(publicOf(key));

function keyCases(a: Authority, claims: object): TokenCase[] {
  const { root, rsa, p384, leaf, middle, deep, expired, byLeaf, stranger, edwards, small } = a;
  const kid = (key: KeyObject) => ({ kid: libtrustId(key) });
  // libtrust wants a kid in every JWK.
  const jwk = (key: KeyObject, more: object = {}) => ({ jwk: { ...publicJwk(key), ...kid(key), ...more } });
  const chain = (...links: { readonly der: string }[]) => ({ x5c: links.map(({ der }) => der) });
  return [
    { name: "kid of a root", token: signToken(root.key, kid(root.key), claims), result: "ok" },
    { name: "kid, RS256", token: signToken(rsa.key, kid(rsa.key), claims), result: "ok" },
    { name: "kid, RS512", token: signToken(rsa.key, kid(rsa.key), claims, "RS512"), result: "ok" },
    // libtrust has no PSS.
    {
      name: "kid, PS256",
      token: signToken(rsa.key, kid(rsa.key), claims, "PS256"),
      result: "ok",
      peer: "invalid_token",
    },
    { name: "kid, ES384", token: signToken(p384.key, kid(p384.key), claims), result: "ok" },
    // distribution 3 names keys like this.
    {
      name: "thumbprint",
      token: signToken(root.key, { kid: jwkThumbprint(publicOf(root.key)) }, claims),
      result: "ok",
      peer: "invalid_token",
    },
    {
      name: "kid of a stranger",
      token: signToken(stranger.key, kid(stranger.key), claims),
      result: "invalid_token",
    },
    {
      name: "a stranger's signature",
      token: signToken(stranger.key, kid(root.key), claims),
      result: "invalid_token",
    },
    { name: "no key named", token: signToken(root.key, {}, claims), result: "invalid_token" },
    { name: "x5c of a leaf", token: signToken(leaf.key, chain(leaf), claims), result: "ok" },
    { name: "x5c of a root", token: signToken(root.key, chain(root), claims), result: "ok" },
    { name: "x5c of a root that is no CA", token: signToken(rsa.key, chain(rsa), claims), result: "ok" },
    { name: "x5c with a CA between", token: signToken(deep.key, chain(deep, middle), claims), result: "ok" },
    {
      name: "x5c with more than needed",
      token: signToken(deep.key, chain(deep, stranger, root, middle), claims),
      result: "ok",
    },
    {
      name: "x5c with a link missing",
      token: signToken(deep.key, chain(deep), claims),
      result: "invalid_token",
    },
    { name: "x5c expired", token: signToken(expired.key, chain(expired), claims), result: "invalid_token" },
    {
      name: "x5c by no CA",
      token: signToken(byLeaf.key, chain(byLeaf, leaf), claims),
      result: "invalid_token",
    },
    {
      name: "x5c of a stranger",
      token: signToken(stranger.key, chain(stranger), claims),
      result: "invalid_token",
    },
    { name: "x5c of another", token: signToken(stranger.key, chain(leaf), claims), result: "invalid_token" },
    // libtrust knows no Edwards curve.
    {
      name: "x5c, EdDSA",
      token: signToken(edwards.key, chain(edwards), claims),
      result: "ok",
      peer: "invalid_token",
    },
    // RFC 7518 asks for 2048 bits.
    {
      name: "x5c, RSA 1024",
      token: signToken(small.key, chain(small), claims, "RS256"),
      result: "invalid_token",
      peer: "ok",
    },
    { name: "jwk of a root", token: signToken(root.key, jwk(root.key), claims), result: "ok" },
    { name: "jwk of a leaf", token: signToken(leaf.key, jwk(leaf.key), claims), result: "invalid_token" },
    { name: "jwk with chain", token: signToken(leaf.key, jwk(leaf.key, chain(leaf)), claims), result: "ok" },
    {
      name: "jwk of a stranger",
      token: signToken(stranger.key, jwk(stranger.key), claims),
      result: "invalid_token",
    },
    {
      name: "jwk of a stranger with another's chain",
      token: signToken(stranger.key, jwk(stranger.key, chain(leaf)), claims),
      result: "invalid_token",
    },
    {
      name: "jwk of a stranger with a root's kid",
      token: signToken(stranger.key, { jwk: { ...publicJwk(stranger.key), ...kid(root.key) } }, claims),
      result: "invalid_token",
    },
  ];
}

function claimCases({ root }: Authority, now: number): TokenCase[] {
  const token = (changes: object) =>
    signToken(root.key, { kid: libtrustId(root.key) }, { ...claimsAt(now), ...changes });
  const access = (...entries: object[]) => token({ access: entries });
  const app = { type: "repository", name: "team/app" };
  return [
    { name: "another issuer", token: token({ iss: "other.example" }), result: "invalid_token" },
    { name: "no issuer", token: token({ iss: undefined }), result: "invalid_token" },
    { name: "another audience", token: token({ aud: "other.example" }), result: "invalid_token" },
    { name: "no audience", token: token({ aud: undefined }), result: "invalid_token" },
    // distribution 3 takes lists too.
    {
      name: "audience in a list",
      token: token({ aud: ["x", service] }),
      result: "ok",
      peer: "invalid_token",
    },
    { name: "audience not in the list", token: token({ aud: ["x"] }), result: "invalid_token" },
    { name: "expired within the leeway", token: token({ exp: now - 30 }), result: "ok" },
    { name: "expired", token: token({ exp: now - 70 }), result: "invalid_token" },
    { name: "no expiry", token: token({ exp: undefined }), result: "invalid_token" },
    { name: "expiry in words", token: token({ exp: "never" }), result: "invalid_token" },
    { name: "valid soon, within the leeway", token: token({ nbf: now + 30 }), result: "ok" },
    { name: "valid later", token: token({ nbf: now + 120 }), result: "invalid_token" },
    { name: "no start", token: token({ nbf: undefined }), result: "ok" },
    { name: "no subject", token: token({ sub: undefined }), result: "ok" },
    { name: "subject that is a list", token: token({ sub: ["jo"] }), result: "invalid_token" },
    { name: "no access", token: token({ access: undefined }), result: "insufficient_scope" },
    { name: "access null", token: token({ access: null }), result: "insufficient_scope" },
    { name: "access that is a text", token: token({ access: "all" }), result: "invalid_token" },
    { name: "any action", token: access({ ...app, actions: ["*"] }), result: "ok" },
    { name: "another action", token: access({ ...app, actions: ["push"] }), result: "insufficient_scope" },
    { name: "no actions", token: access({ ...app }), result: "insufficient_scope" },
    {
      name: "another repository",
      token: access({ ...app, name: "team", actions: ["pull"] }),
      result: "insufficient_scope",
    },
    {
      name: "a repository as a pattern",
      token: access({ ...app, name: "*", actions: ["*"] }),
      result: "insufficient_scope",
    },
    {
      name: "another type",
      token: access({ ...app, type: "registry", actions: ["*"] }),
      result: "insufficient_scope",
    },
    {
      name: "rights in two entries",
      token: access(
        { ...app, actions: ["push"] },
        { type: "other", name: "x", actions: ["y"] },
        { ...app, actions: ["pull"] },
      ),
      result: "ok",
    },
    { name: "an entry that is none", token: token({ access: [5] }), result: "invalid_token" },
  ];
}

function hostileCases({ root, rsa }: Authority, claims: object): TokenCase[] {
  const kid = libtrustId(root.key);
  const good = signToken(root.key, { kid }, claims);
  const [header = "", body = "", signature = ""] = good.split(".");
  const unsigned = (alg: string, of: KeyObject) =>
    formatUnsigned({ typ: "JWT", alg, kid: libtrustId(of) }, claims);
  const hmac = (of: KeyObject, secret: string | Buffer) => {
    const text = unsigned("HS256", of);
    return `${text}.${createHmac("sha256", secret).update(text).digest("base64url")}`;
  };
  const spki = (of: KeyObject) => publicOf(of).export({ format: "pem", type: "spki" });
  const deep = `${"[".repeat(3000)}${"]".repeat(3000)}`;
  const part = (text: string) => Buffer.from(text).toString("base64url");
  const zeros = Buffer.alloc(64).toString("base64url");
  const cases: [name: string, token: string][] = [
    ["nonsense", "abc"],
    ["two parts", `${header}.${body}`],
    ["four parts", `${good}.x`],
    ["no signature", `${header}.${body}.`],
    ["alg none", `${unsigned("none", root.key)}.`],
    ["alg none with a signature", `${unsigned("none", root.key)}.${signature}`],
    ["alg None", `${unsigned("None", root.key)}.${signature}`],
    ["HS256 by the public key in PEM", hmac(rsa.key, spki(rsa.key))],
    ["HS256 by the certificate", hmac(rsa.key, rsa.pem)],
    ["HS256 by nothing", hmac(root.key, Buffer.alloc(1))],
    ["another algorithm's name", `${unsigned("RS256", root.key)}.${signature}`],
    ["a curve that is not the key's", `${unsigned("ES384", root.key)}.${signature}`],
    ["no algorithm", `${part(JSON.stringify({ kid }))}.${body}.${signature}`],
    ["an algorithm of the prototype's", `${unsigned("constructor", root.key)}.${signature}`],
    ["a signature of zeros", `${header}.${body}.${zeros}`],
    ["a signature cut short", good.slice(0, -8)],
    ["a signature of DER", `${header}.${body}.${part("0\u0006\u0002\u0001\u0001\u0002\u0001\u0001")}`],
    ["claims changed", `${header}.${part(JSON.stringify({ ...claims, sub: "al" }))}.${signature}`],
    ["header that is a list", `${part("[]")}.${body}.${signature}`],
    ["header of null", `${part("null")}.${body}.${signature}`],
    ["claims of null", `${header}.${part("null")}.${signature}`],
    ["deep JSON", `${header}.${part(`{"access":${deep}}`)}.${signature}`],
    ["letters of the other base64", `${header}.${body}.${signature.slice(0, -1)}+`],
    ["empty parts", ".."],
  ];
  return cases.map(([name, token]) => ({ name, token, result: "invalid_token" as const }));
}
