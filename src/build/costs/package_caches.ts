/** Where package managers keep what they downloaded, by their manuals and defaults. */
import type { ByteString } from "../../byte_string.ts";

export type PackageCache =
  "apt lists" | "apt archives" | "apk" | "dnf" | "npm" | "yarn" | "pip" | "cargo" | "go" | "composer";

const directories: readonly (readonly [PackageCache, RegExp])[] = [
  // `lock` and `partial` are Debian's own and empty.
  ["apt lists", /^var\/lib\/apt\/lists\/(?!lock$|partial\/|auxfiles\/)./],
  ["apt archives", /^var\/cache\/apt\/(?:archives\/.*\.deb$|(?:src)?pkgcache\.bin$)/],
  ["apk", /^(?:var\/cache\/apk|etc\/apk\/cache)\/./],
  ["dnf", /^var\/cache\/(?:dnf|libdnf5|yum)\/./],
  ["npm", /^(?:root|home\/[^/]+)\/\.npm\/_cacache\/./],
  ["yarn", /^(?:root\/\.cache\/yarn|usr\/local\/share\/\.cache\/yarn|home\/[^/]+\/\.cache\/yarn)\/./],
  ["pip", /^(?:root|home\/[^/]+)\/\.cache\/(?:pip|uv)\/./],
  ["cargo", /^(?:root\/\.cargo|usr\/local\/cargo)\/registry\/(?:cache|src)\/./],
  ["go", /^(?:root|home\/[^/]+)\/\.cache\/go-build\/./],
  ["composer", /^(?:root|home\/[^/]+)\/(?:\.composer\/cache|\.cache\/composer)\/./],
];

/** A quick no for nearly all paths. */
const anyCache = /^(?:var\/(?:lib\/apt|cache)|etc\/apk|root|home|usr\/local)\//;

/** Which cache a file belongs to, by its path in the image. */
export function packageCacheOf(path: ByteString): PackageCache | undefined {
  if (!anyCache.test(path)) return undefined;
  return directories.find(([, pattern]) => pattern.test(path))?.[0];
}
