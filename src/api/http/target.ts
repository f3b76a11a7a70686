/** What a request asks for (RFC 9112, section 3.2): version, path, query. */
import { posix } from "node:path";
import { ApiError } from "./status_of.ts";

export interface Target {
  /** As the client wrote it, digits and dots; undefined: none is named. */
  readonly version: string | undefined;
  /** Decoded, without the version. */
  readonly path: string;
  readonly query: URLSearchParams;
  /**
   * Where the same is to be asked for: the path was not clean. So `docker inspect /name` works, whose client asks for
   * `/containers//name/json` (gorilla/mux, `cleanPath`).
   */
  readonly redirect: string | undefined;
}

/** @throws ApiError for a path that cannot be decoded */
export function readTarget(url: string): Target {
  // Proxies are asked by the whole URL, and every server must understand that.
  const [, local = url] = /^[a-z][a-z\d+.-]*:\/\/[^/?]*(.*)$/i.exec(url) ?? [];
  const [rawPath = "", search = ""] = local.split(/\?(.*)/s, 2);
  const whole = decoded(rawPath);
  const clean = posix.join("/", whole);
  const [, version, rest] = /^\/v([\d.]+)(\/.*)$/s.exec(clean) ?? [];
  const again = encodeURI(clean).replaceAll("?", "%3F").replaceAll("#", "%23");
  return {
    version,
    path: rest ?? clean,
    query: new URLSearchParams(search),
    redirect: clean === whole ? undefined : `${again}${search === "" ? "" : `?${search}`}`,
  };
}

function decoded(path: string): string {
  try {
    return decodeURIComponent(path);
  } catch {
    throw new ApiError(400, `invalid path: ${path}`);
  }
}
