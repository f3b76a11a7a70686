/** `GET /images/search` (moby, daemon/pkg/registry/search.go). */
import type { Daemon } from "../../../engine/index.ts";
import { Failure } from "../../../errors.ts";
import { Filters, type Call } from "../../http/index.ts";
import { credentialsFor } from "../../registry_auth.ts";
import { atRegistry } from "../registry_status.ts";

const [fewest, most, usual] = [1, 100, 25];

export async function search(daemon: Daemon, call: Call): Promise<void> {
  const filters = Filters.parse(call.query.get("filters"), ["is-automated", "is-official", "stars"]);
  const isWanted = wantedBy(filters);
  const { domain, term } = splitTerm(call.query.get("term") ?? "");
  const limit = call.integer("limit") || usual;
  if (limit < fewest || limit > most)
    throw new Failure("invalid", `limit ${limit} is outside the range of [${fewest}, ${most}]`);
  const { remote } = await daemon.engine.withCredentials(credentialsFor(call, domain));
  const found = await atRegistry(remote.search(domain, { term, limit, signal: call.signal }));
  call.reply(200, found.filter(isWanted));
}

interface Judged {
  readonly is_official: boolean;
  readonly is_automated: boolean;
  readonly star_count: number;
}

/** @throws Failure("invalid") for values that mean nothing, before anybody is asked */
function wantedBy(filters: Filters): (found: Judged) => boolean {
  const stars = Math.max(0, ...filters.get("stars").map(starsOf));
  const flag = (name: string): boolean | undefined =>
    filters.has(name) ? filters.boolean(name, false) : undefined;
  const [official, automated] = [flag("is-official"), flag("is-automated")];
  return ({ is_official, is_automated, star_count }) =>
    star_count >= stars &&
    (official ?? is_official) === is_official &&
    (automated ?? is_automated) === is_automated;
}

/** The first part is a registry as in the names of images. */
function splitTerm(text: string): { readonly domain: string; readonly term: string } {
  if (text.includes("://"))
    throw new Failure(
      "invalid",
      `invalid repository name: repository name (${text}) should not have a scheme`,
    );
  const slash = text.indexOf("/");
  const first = text.slice(0, Math.max(0, slash));
  const isDomain = first === "localhost" || /[.:]/.test(first);
  if (isDomain && !/^[\w.-]+(:\d+)?$|^\[[\da-f:]+\](:\d+)?$/i.test(first))
    throw new Failure("invalid", `invalid index name (${first})`);
  const hub = ["docker.io", "index.docker.io"].includes(first);
  const [domain, term] = isDomain ? [hub ? "docker.io" : first, text.slice(slash + 1)] : ["docker.io", text];
  // The Hub's own images are found without the folder in which they lie.
  return { domain, term: domain === "docker.io" ? term.replace(/^library\//, "") : term };
}

function starsOf(text: string): number {
  if (/^\d+$/.test(text)) return Number(text);
  throw new Failure("invalid", `invalid filter 'stars=${text}'`);
}
