/** Few words for many paths: a metric has a series for each. */

export type RouteLabel =
  | "base"
  | "catalog"
  | "tags"
  | "manifest"
  | "blob"
  | "upload"
  | "referrers"
  | "health"
  | "metrics"
  | "web"
  | "other";

/** @param path without query */
export function routeLabel(path: string): RouteLabel {
  if (path === "/v2/" || path === "/v2") return "base";
  if (path === "/healthz" || path === "/readyz") return "health";
  if (path === "/v2/_catalog") return "catalog";
  const [, kind] =
    /^\/v2\/.+\/(tags\/list|manifests|referrers|blobs\/uploads|blobs)(?:\/[^/]*)?$/.exec(path) ?? [];
  switch (kind) {
    case "tags/list":
      return "tags";
    case "manifests":
      return "manifest";
    case "referrers":
      return "referrers";
    case "blobs/uploads":
      return "upload";
    case "blobs":
      return "blob";
    default:
      return "other";
  }
}
