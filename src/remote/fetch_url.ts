/** A file from any HTTP server: what `ADD` and a build's context take. Not a registry: nothing is authenticated. */
import { limit, type ByteSource } from "../bytes/index.ts";
import { Failure } from "../errors.ts";
import { Agents } from "./http/agents.ts";
import { describeRequest, send, type HttpAnswer } from "./http/send.ts";
import type { Environment } from "./http/proxy.ts";

export interface FetchUrlOptions {
  /** Where proxies are named (default `process.env`). */
  readonly environment?: Environment;
  /** Milliseconds without data after which the connection counts as broken (default 60,000). */
  readonly idleMs?: number;
  /** Bytes of the largest file that is taken (default 64 GiB). */
  readonly maxBytes?: number;
  readonly signal: AbortSignal;
}

export interface FetchedUrl {
  /** Can be read once; the connection is closed when it ends or is given up. */
  readonly content: ByteSource;
  /** Bytes, where the server tells. */
  readonly size?: number;
  /** `Last-Modified`. */
  readonly modified?: Date;
  /**
   * Last part of the path of the URL that was asked for, wherever it has led; else the name that the server says; else ""
   * (moby, daemon/builder/dockerfile/copy.go, `getFilenameForDownload`; BuildKit's ADD goes by the URL, too).
   */
  readonly name: string;
  /** `Content-Type` without parameters, in lower case. */
  readonly contentType?: string;
  /** Lets go of a content that nobody is going to read. */
  discard(): void;
}

const redirects = new Set([301, 302, 303, 307, 308]);
/** As Go's client. */
const maxRedirects = 10;
const userAgent = "varve";

/**
 * Opens `http(s)://…`, through redirects and proxies. A user and password of the URL go to its own origin only. Throws
 * `Failure("invalid")` for what is no such URL, `"not-found"` for 404 and 410, `"unavailable"`, `"cancelled"`; the
 * content ends with `"limit"` when it is too large.
 */
export async function fetchUrl(text: string, options: FetchUrlOptions): Promise<FetchedUrl> {
  const { environment = process.env, idleMs = 60_000, maxBytes = 64 * 2 ** 30, signal } = options;
  const first = httpUrl(text);
  const authorization = authorizationOf(first);
  const agents = new Agents(environment, () => ({}));
  try {
    let url = first;
    for (let hops = 0; ; hops++) {
      const isOwn = url.origin === first.origin && authorization !== undefined;
      const headers = {
        "User-Agent": userAgent,
        // The bytes are to be those that the checksum is of.
        "Accept-Encoding": "identity",
        ...(isOwn && { Authorization: authorization }),
      };
      const answer = await send({ method: "GET", url, headers, signal }, { agent: agents.for(url), idleMs });
      const { location } = answer.headers;
      if (!redirects.has(answer.status) || location === undefined)
        return fetched(accepted(answer), lastPart(first.pathname), maxBytes, () => agents.close());
      answer.discard();
      if (hops === maxRedirects)
        throw new Failure("unavailable", `${describeRequest("GET", url)}: stopped after 10 redirects`);
      url = httpUrl(URL.parse(location, url)?.href ?? location);
    }
  } catch (error) {
    agents.close();
    throw error;
  }
}

function httpUrl(text: string): URL {
  const url = URL.parse(text);
  if (url !== null && /^https?:$/.test(url.protocol)) return url;
  throw new Failure(
    "invalid",
    `cannot fetch ${JSON.stringify(text.slice(0, 200))}: it is no http or https URL`,
  );
}

function authorizationOf(url: URL): string | undefined {
  const { username, password } = url;
  if (username === "" && password === "") return undefined;
  const plain = `${decodeURIComponent(username)}:${decodeURIComponent(password)}`;
  return `Basic ${Buffer.from(plain).toString("base64")}`;
}

function accepted(answer: HttpAnswer): HttpAnswer {
  const { status, statusText, url } = answer;
  if (status === 200) return answer;
  answer.discard();
  const kind = status === 404 || status === 410 ? "not-found" : "unavailable";
  throw new Failure(kind, `${describeRequest("GET", url)}: invalid response status ${status} ${statusText}`);
}

function fetched(answer: HttpAnswer, asked: string, maxBytes: number, close: () => void): FetchedUrl {
  const { headers, url } = answer;
  const size = Number(headers["content-length"] ?? Number.NaN);
  const modified = new Date(headers["last-modified"] ?? Number.NaN);
  const contentType = headers["content-type"]?.split(";")[0]?.trim().toLowerCase();
  async function* content(): ByteSource & AsyncGenerator<Uint8Array> {
    try {
      yield* limit(answer.body, maxBytes, url.origin + url.pathname);
    } finally {
      close();
    }
  }
  return {
    content: content(),
    name: asked || saidName(headers["content-disposition"]),
    ...(Number.isSafeInteger(size) && { size }),
    ...(!Number.isNaN(modified.getTime()) && { modified }),
    ...(contentType !== undefined && { contentType }),
    discard: close,
  };
}

function lastPart(path: string): string {
  const last = path.slice(path.lastIndexOf("/") + 1);
  let name: string;
  try {
    name = decodeURIComponent(last);
  } catch {
    name = last;
  }
  return safeName(name);
}

/** The `filename` of a `Content-Disposition` (RFC 6266), without the folders before it. */
function saidName(disposition: string | undefined): string {
  const [, quoted, plain = ""] =
    /;\s*filename\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s;"]+))/i.exec(disposition ?? "") ?? [];
  const said = quoted?.replace(/\\(.)/g, "$1") ?? plain;
  return safeName(said.slice(said.lastIndexOf("/") + 1));
}

/** Never `.`, `..` or a name with a slash or NUL in it, whatever the server says. */
function safeName(name: string): string {
  return /^\.{0,2}$|[/\0]/.test(name) ? "" : name;
}
