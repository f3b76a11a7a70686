/** What can be done with a repository of an upstream: read. */
import type { Digest } from "../../oci/index.ts";
import type { RegistryCore } from "../core.ts";
import type { Exchange } from "../exchange.ts";
import { RegistryError } from "../registry_error.ts";
import { answerMirroredBlob } from "./mirrored_blobs.ts";
import { answerMirroredReferrers, answerMirroredTags } from "./mirrored_lists.ts";
import { answerMirroredManifest } from "./mirrored_manifests.ts";
import type { Upstream } from "./upstream.ts";

/** What a path below a repository is about. */
export type MirroredResource =
  | { readonly kind: "tags" }
  | { readonly kind: "manifest"; readonly key: string }
  | { readonly kind: "referrers"; readonly subject: Digest }
  | { readonly kind: "blob"; readonly digest: Digest }
  | { readonly kind: "upload" };

/** By method. Whatever writes is refused, as distribution's cache does. */
export function mirrorHandlers(
  core: RegistryCore,
  exchange: Exchange,
  upstream: Upstream,
  name: string,
  resource: MirroredResource,
): Readonly<Record<string, () => Promise<void>>> {
  const refuse = () => Promise.reject(refusal(upstream, name));
  const writing = { POST: refuse, PUT: refuse, PATCH: refuse, DELETE: refuse };
  switch (resource.kind) {
    case "tags":
      return { GET: () => answerMirroredTags(core, exchange, upstream, name), ...writing };
    case "manifest":
      return { GET: () => answerMirroredManifest(core, exchange, upstream, name, resource.key), ...writing };
    case "referrers":
      return {
        GET: () => answerMirroredReferrers(core, exchange, upstream, name, resource.subject),
        ...writing,
      };
    case "blob":
      return { GET: () => answerMirroredBlob(core, exchange, upstream, name, resource.digest), ...writing };
    case "upload":
      return { GET: refuse, ...writing };
  }
}

function refusal({ host }: Upstream, name: string): RegistryError {
  const message = `${name} is a copy of a repository of ${host}, which can only be pulled from here`;
  return new RegistryError("UNSUPPORTED", [undefined], { Allow: "GET, HEAD" }, { message });
}
