/**
 * Git references of build contexts and of `ADD`, in BuildKit's grammar (frontend/dockerfile/dfgitutil/git_ref.go):
 *
 *     reference := remote [ "?" query ] [ "#" [ ref ] [ ":" directory ] ]
 *     remote    := ("https" | "http") "://" host "/" path ".git"
 *                | ("git" | "ssh") "://" host "/" path
 *                | [ user "@" ] host ":" path
 *                | "github.com/" path
 *     query     := ("ref" | "branch" | "tag" | "subdir" | "checksum" | "commit" | "keep-git-dir" | "submodules") "=" value …
 */
import { posix } from "node:path";
import { Failure } from "../../../errors.ts";

export interface GitReference {
  /** For the program git. */
  readonly remote: string;
  /** Branch, tag or whole commit hash; undefined: what the remote's HEAD is. */
  readonly ref?: string;
  /** A directory of the repository, without leading slash. */
  readonly directory?: string;
  /** First digits of the commit that it must be. */
  readonly checksum?: string;
  readonly keepGitDir?: boolean;
  /** Default true. */
  readonly submodules?: boolean;
}

/** Undefined: it is no git reference. Throws `Failure("invalid")` for one that is malformed. */
export function parseGitReference(text: string): GitReference | undefined {
  const [address, fragment = ""] = splitOnce(text, "#");
  const [bare, query = ""] = splitOnce(address, "?");
  const remote = remoteOf(bare);
  if (remote === undefined) return undefined;
  const [ref = "", directory = ""] = splitOnce(fragment, ":");
  const asked = queried(new URLSearchParams(query), text);
  const both = (name: string, first: string, second = ""): string => {
    if (first !== "" && second !== "" && first !== second)
      throw new Failure("invalid", `${name} conflicts: "${first}" vs "${second}"`);
    return first || second;
  };
  const chosen = both("ref", ref, asked.ref);
  checkRef(chosen);
  const inside = posix.join("/", both("subdir", directory, asked.directory)).replace(/^\/|\/$/g, "");
  return {
    ...asked,
    remote,
    ...(chosen !== "" && { ref: chosen }),
    ...(inside !== "" && { directory: inside }),
  };
}

function splitOnce(text: string, mark: string): [string, string?] {
  const at = text.indexOf(mark);
  return at < 0 ? [text] : [text.slice(0, at), text.slice(at + 1)];
}

function remoteOf(text: string): string | undefined {
  if (/^github\.com\/./.test(text)) return `https://${text}`;
  const scheme = /^([a-zA-Z0-9]+):\/\//.exec(text)?.[1]?.toLowerCase();
  switch (scheme) {
    case "http":
    case "https":
      return URL.parse(text)?.pathname.endsWith(".git") === true ? text : undefined;
    case "git":
    case "ssh":
      return URL.parse(text) === null ? undefined : text;
    case undefined:
      // A host with "/" before the colon is a path; one that begins with "-" would be an option of ssh.
      return /^(?:[a-zA-Z0-9_.-]+@)[a-zA-Z0-9][a-zA-Z0-9.-]*:[^:].*$/.test(text) ? text : undefined;
    default:
      return undefined;
  }
}

type Asked = Omit<GitReference, "remote">;

function queried(query: URLSearchParams, text: string): Asked {
  const asked: { -readonly [K in keyof Asked]: Asked[K] } = {};
  const setRef = (value: string): void => {
    if (asked.ref !== undefined && asked.ref !== value)
      throw new Failure("invalid", `ref conflicts: "${asked.ref}" vs "${value}"`);
    asked.ref = value;
  };
  for (const [key, value] of query) {
    if (query.getAll(key).length > 1) throw new Failure("invalid", `query "${key}" has multiple values`);
    const isFlag = key === "keep-git-dir" || key === "submodules";
    if (value === "" && !isFlag) throw new Failure("invalid", `query "${key}" has no value`);
    if (key === "ref") setRef(value);
    else if (key === "branch") setRef(qualified("refs/heads/", value));
    else if (key === "tag") setRef(qualified("refs/tags/", value));
    else if (key === "subdir") asked.directory = value;
    else if (key === "checksum" || key === "commit") asked.checksum = checksumOf(value);
    else if (key === "keep-git-dir") asked.keepGitDir = booleanOf(key, value);
    else if (key === "submodules") asked.submodules = booleanOf(key, value);
    else throw new Failure("invalid", `unexpected query "${key}" in ${text}`);
  }
  return asked;
}

const qualified = (prefix: string, name: string): string => (name.startsWith(prefix) ? name : prefix + name);

function checksumOf(value: string): string {
  if (/^[0-9a-f]{7,64}$/.test(value)) return value;
  throw new Failure("invalid", `invalid checksum "${value}": a commit is 7 to 64 hexadecimal digits`);
}

function booleanOf(key: string, value: string): boolean {
  if (/^(1|t|true|)$/i.test(value)) return true;
  if (/^(0|f|false)$/i.test(value)) return false;
  throw new Failure("invalid", `invalid ${key} value: "${value}"`);
}

/** What git-check-ref-format(1) forbids, so that a ref is never read as a refspec, an option or an expression. */
function checkRef(ref: string): void {
  // eslint-disable-next-line no-control-regex
  const forbidden = /^[-+]|[\x00-\x20\x7f~^:?*[\\]|\.\.|@\{|\/\/|\.lock$|[./]$/;
  if (forbidden.test(ref)) throw new Failure("invalid", `invalid git reference "${ref}"`);
}
