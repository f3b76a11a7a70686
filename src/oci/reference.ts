/**
 * Image references in Docker's normal form. The grammar is that of distribution/reference (reference.go, regexp.go):
 *
 *     reference        := name [ ":" tag ] [ "@" digest ]
 *     name             := [ domain "/" ] path
 *     domain           := host [ ":" port ]
 *     host             := domain-component { "." domain-component } | "[" IPv6 address "]"
 *     domain-component := letter or digit, then letters, digits and "-", not ending in "-"
 *     port             := digit { digit }
 *     path             := path-component { "/" path-component }, 255 characters at most
 *     path-component   := [a-z0-9]+ { separator [a-z0-9]+ }
 *     separator        := "." | "_" | "__" | "-" { "-" }
 *     tag              := [A-Za-z0-9_] then at most 127 of [A-Za-z0-9_.-]
 *     digest           := algorithm ":" hex, 32 digits at least; then sha256 or sha512 with their exact length
 *
 * Normal form (normalize.go): the first component is a domain only if it is `localhost`, or holds "." or ":" or an
 * upper case letter; else the domain is `docker.io`, where a path of one component means `library/<path>`.
 * A text of 64 hex digits is an image ID and never a name.
 *
 * The text is cut at "@", the last ":" and "/" instead of being matched by one expression: that is linear in its
 * length whatever a hostile caller sends.
 */
import { isDigest, type ManifestDigest } from "./digest.ts";
import { Failure } from "../errors.ts";

/** A parsed reference. At least one of `tag` and `digest` is set after `withDefaultTag`. */
export interface Reference {
  /** Registry host with port: `docker.io`, `127.0.0.1:5000`. */
  readonly domain: string;
  /** Repository path within the registry: `library/alpine`. */
  readonly path: string;
  readonly tag?: string;
  readonly digest?: ManifestDigest;
}

const defaultDomain = "docker.io";
const legacyDomain = "index.docker.io";
const officialPrefix = "library/";
const defaultTag = "latest";
const longestPath = 255;

const domainPattern =
  /^(?:[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?(?:\.[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?)*|\[[a-fA-F0-9:]+\])(?::[0-9]+)?$/;
const componentPattern = /^[a-z0-9]+(?:(?:\.|__?|-+)[a-z0-9]+)*$/;
const tagPattern = /^[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}$/;
const digestPattern = /^([A-Za-z][A-Za-z0-9]*(?:[-_+.][A-Za-z][A-Za-z0-9]*)*):([0-9a-fA-F]{32,})$/;

/**
 * Reads what a user types: `alpine`, `alpine:3.20`, `host:5000/a/b@sha256:...`.
 * Throws `Failure("invalid")` in the words of Docker's CLI 28.
 */
export function parseReference(text: string): Reference {
  if (/^[a-f0-9]{64}$/.test(text)) {
    throw invalid(`invalid repository name (${text}), cannot specify 64-byte hexadecimal strings`);
  }
  const [domain, remainder] = splitDomain(text);
  const beforeColon = cut(remainder, remainder.indexOf(":"))[0];
  if (beforeColon.toLowerCase() !== beforeColon) {
    throw invalid(`invalid reference format: repository name (${excerpt(beforeColon)}) must be lowercase`);
  }
  const [named, digest] = cut(remainder, remainder.indexOf("@"));
  const [path, tag] = cut(named, named.indexOf(":"));
  const wellFormed =
    domain.length <= longestPath &&
    domainPattern.test(domain) &&
    isPath(path) &&
    (tag === undefined || tagPattern.test(tag)) &&
    (digest === undefined || digestPattern.test(digest));
  if (!wellFormed) throw invalid("invalid reference format");
  if (path.length > longestPath) {
    throw invalid(`repository name must not be more than ${longestPath} characters`);
  }
  return {
    domain,
    path,
    ...(tag === undefined ? {} : { tag }),
    ...(digest === undefined ? {} : { digest: supportedDigest(digest) }),
  };
}

/** Whether a text is the 64 hex digits of an ID, which no name may be. */
export function isIdentifier(text: string): boolean {
  return /^[a-f0-9]{64}$/.test(text);
}

/** Adds `:latest` to a reference that has neither tag nor digest. */
export function withDefaultTag(ref: Reference): Reference {
  return ref.tag === undefined && ref.digest === undefined ? { ...ref, tag: defaultTag } : ref;
}

/** The full form: `docker.io/library/alpine:3.20`. `parseReference` reads it back to the same record. */
export function formatReference(ref: Reference): string {
  return repositoryOf(ref) + suffix(ref);
}

/** The short form that people see and `repositories.json` holds: `alpine:3.20`. */
export function familiarReference(ref: Reference): string {
  return familiarName(ref) + suffix(ref);
}

/** The short form without tag and digest: `alpine`, `127.0.0.1:5000/a/b`. */
export function familiarName(ref: Reference): string {
  if (ref.domain !== defaultDomain) return repositoryOf(ref);
  if (ref.path.startsWith(officialPrefix) && !ref.path.includes("/", officialPrefix.length)) {
    return ref.path.slice(officialPrefix.length);
  }
  // `docker.io/a.b/c` must not become `a.b/c`, which would be read as a host (Docker shortens it all the same).
  return splitDomain(ref.path)[0] === defaultDomain ? ref.path : repositoryOf(ref);
}

/** The full repository without tag and digest: `docker.io/library/alpine`. */
export function repositoryOf(ref: Reference): string {
  return `${ref.domain}/${ref.path}`;
}

function suffix(ref: Reference): string {
  return (ref.tag === undefined ? "" : `:${ref.tag}`) + (ref.digest === undefined ? "" : `@${ref.digest}`);
}

/** `splitDockerDomain` of normalize.go: [domain, path with tag and digest]. */
function splitDomain(text: string): [string, string] {
  const [first, rest] = cut(text, text.indexOf("/"));
  if (rest === undefined) return [defaultDomain, officialPrefix + text];
  const isDomain = first === "localhost" || /[.:]/.test(first) || first.toLowerCase() !== first;
  const domain = !isDomain || first === legacyDomain ? defaultDomain : first;
  const remainder = isDomain ? rest : text;
  const official = domain === defaultDomain && !remainder.includes("/");
  return [domain, official ? officialPrefix + remainder : remainder];
}

/** Cuts at an index, dropping the character there; an index of -1 cuts nothing. */
function cut(text: string, index: number): [string, string | undefined] {
  return index < 0 ? [text, undefined] : [text.slice(0, index), text.slice(index + 1)];
}

function isPath(path: string): boolean {
  return path.split("/").every((component) => componentPattern.test(component));
}

function supportedDigest(digest: string): ManifestDigest {
  if (isDigest(digest)) return digest;
  const algorithm = digest.slice(0, digest.indexOf(":"));
  const length = { sha256: 64, sha512: 128 }[algorithm];
  if (length === undefined) throw invalid("unsupported digest algorithm");
  const rightLength = digest.length === algorithm.length + 1 + length;
  throw invalid(`invalid checksum digest ${rightLength ? "format" : "length"}`);
}

function invalid(message: string): Failure {
  return new Failure("invalid", message, {
    hint: "A reference is [HOST[:PORT]/]PATH[:TAG][@DIGEST], the path in lower case: alpine:3.20, 127.0.0.1:5000/team/app.",
  });
}

function excerpt(text: string): string {
  return text.length <= 300 ? text : `${text.slice(0, 300)}\u2026`;
}
