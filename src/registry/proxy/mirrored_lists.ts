/** Tags and referrers of an upstream: its own lists, page by page; what is here where it cannot be asked. */
import { isDigest, mediaTypes, parseJson, type Digest } from "../../oci/index.ts";
import type { RegistryCore } from "../core.ts";
import { answer, type Exchange } from "../exchange.ts";
import { answerTags } from "../listings.ts";
import { listTags } from "../manifest_store.ts";
import { answerReferrers } from "../referrers.ts";
import { isTag } from "../tree.ts";
import type { ProxiedKind } from "./types.ts";
import { viaOf, type Upstream, type UpstreamAnswer } from "./upstream.ts";
import { UpstreamUnavailable } from "./upstream_failure.ts";

/** Bytes: a million short tags. */
const tagsLimit = 16 << 20;
/** Bytes: more no client takes. */
const referrersLimit = 4 << 20;

export async function answerMirroredTags(
  core: RegistryCore,
  exchange: Exchange,
  upstream: Upstream,
  name: string,
): Promise<void> {
  const page = await orStale(
    { exchange, upstream, name, kind: "tags" },
    async (via) => {
      const path = `tags/list${queryOf(exchange)}`;
      const given = await upstream.read({ name, path, unknown: "NAME_UNKNOWN", via }, tagsLimit);
      return { tags: tagsIn(upstream, given), link: linkOf(exchange, given) };
    },
    async () => (await listTags(core.storage, name)).length > 0,
  );
  if (page === "stale") return answerTags(core, exchange, name);
  const headers = { "Content-Type": "application/json; charset=utf-8", ...page.link };
  await answer(exchange, 200, headers, `${JSON.stringify({ name, tags: page.tags })}\n`);
}

/** A 404 stays one: it tells the client that it has to look for the subject's tag, which comes through us as well. */
export async function answerMirroredReferrers(
  core: RegistryCore,
  exchange: Exchange,
  upstream: Upstream,
  name: string,
  subject: Digest,
): Promise<void> {
  const page = await orStale(
    { exchange, upstream, name, kind: "referrers" },
    async (via) => {
      const path = `referrers/${subject}${queryOf(exchange)}`;
      const given = await upstream.read({ name, path, unknown: "NAME_UNKNOWN", via }, referrersLimit);
      checkIndex(upstream, given);
      return { ...given, link: linkOf(exchange, given) };
    },
    // An empty list would say that there is no signature.
    async () => (await core.referrers.of(name, subject)).length > 0,
  );
  if (page === "stale") return answerReferrers(core, exchange, name, subject);
  const applied = page.headers["oci-filters-applied"];
  const headers = {
    "Content-Type": mediaTypes.ociIndex,
    ...(typeof applied === "string" && { "OCI-Filters-Applied": applied }),
    ...page.link,
  };
  await answer(exchange, 200, headers, page.bytes);
}

interface Asked {
  readonly exchange: Exchange;
  readonly upstream: Upstream;
  readonly name: string;
  readonly kind: ProxiedKind;
}

async function orStale<Page>(
  { exchange, upstream, name, kind }: Asked,
  ask: (via: string | undefined) => Promise<Page>,
  isHere: () => Promise<boolean>,
): Promise<Page | "stale"> {
  const { watch, label } = upstream;
  try {
    const page = await ask(viaOf(exchange));
    watch.counted(label, kind, "miss");
    return page;
  } catch (error) {
    if (!(error instanceof UpstreamUnavailable) || !(await isHere())) {
      watch.counted(label, kind, "failed");
      throw error;
    }
    watch.counted(label, kind, "stale");
    watch.problem(`stale ${kind} served`, { upstream: label, repository: name, error: error.message });
    exchange.response.setHeader("Warning", '110 - "Response is Stale"');
    return "stale";
  }
}

/** As the client gave it: what pages are called is the upstream's. */
function queryOf({ query }: Exchange): string {
  const text = query.toString();
  return text === "" ? "" : `?${text}`;
}

/** The upstream's link to the next page, as one to ours: only its query is taken. */
function linkOf(exchange: Exchange, { headers }: UpstreamAnswer): Record<string, string> {
  const next = /<([^>]*)>\s*;\s*rel="?next"?/.exec(String(headers["link"] ?? ""))?.[1];
  const query = next === undefined ? "" : (URL.parse(next, "http://upstream")?.searchParams.toString() ?? "");
  return query === "" ? {} : { Link: `<${exchange.path}?${query}>; rel="next"` };
}

function tagsIn(upstream: Upstream, { bytes }: UpstreamAnswer): string[] {
  const tags = (jsonOf(upstream, bytes) as { tags?: unknown } | null)?.tags ?? [];
  // A name that could not be asked for is of no use to anybody.
  if (Array.isArray(tags)) return tags.filter((tag) => typeof tag === "string" && isTag(tag)) as string[];
  throw new UpstreamUnavailable(upstream.host, "gave a list of tags that is none");
}

function checkIndex(upstream: Upstream, { bytes }: UpstreamAnswer): void {
  const { manifests } = (jsonOf(upstream, bytes) ?? {}) as { manifests?: unknown };
  const isReferrer = (each: unknown) => isDigest(String((each as { digest?: unknown } | null)?.digest));
  if (Array.isArray(manifests) && manifests.every(isReferrer)) return;
  throw new UpstreamUnavailable(upstream.host, "gave a list of referrers that is none");
}

function jsonOf(upstream: Upstream, bytes: Uint8Array): unknown {
  try {
    return parseJson(bytes);
  } catch {
    throw new UpstreamUnavailable(upstream.host, "gave an answer that is no JSON");
  }
}
