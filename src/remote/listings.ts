/** `tags/list` and `_catalog`, page by page (OCI distribution spec, "Listing tags"). */
import { collect } from "../bytes/index.ts";
import { Failure } from "../errors.ts";
import type { Connection } from "./connection.ts";
import { describeRequest } from "./http/send.ts";
import { refusalOf } from "./refusal.ts";

const pageLimit = 16 << 20;
/** A registry that never stops sending pages is stopped here. */
const maxNames = 1_000_000;

export interface Listing {
  readonly path: string;
  /** The member of the JSON that holds the names. */
  readonly member: "tags" | "repositories";
  readonly scopes: readonly string[];
}

/** All names, in the registry's order. Throws refusals, `Failure("unavailable")` for nonsense. */
export async function listAll(
  connection: Connection,
  listing: Listing,
  signal: AbortSignal,
): Promise<string[]> {
  const names: string[] = [];
  let path: string | undefined = listing.path;
  while (path !== undefined) {
    const answer = await connection.request({ method: "GET", path, scopes: listing.scopes, signal });
    if (answer.status !== 200) throw await refusalOf("GET", answer);
    const what = describeRequest("GET", answer.url);
    const bytes = await collect(answer.body, pageLimit, what);
    names.push(...parsePage(bytes, listing.member, what));
    if (names.length > maxNames) throw new Failure("limit", `${what}: more than ${maxNames} names`);
    const next: string | undefined = /<([^>]*)>\s*;\s*rel="?next"?/.exec(
      String(answer.headers["link"] ?? ""),
    )?.[1];
    path = next === undefined ? undefined : new URL(next, answer.url).href;
  }
  return names;
}

/** An emptied repository has `"tags":null` with distribution 2.8. */
function parsePage(bytes: Uint8Array, member: Listing["member"], what: string): string[] {
  let page: unknown;
  try {
    page = JSON.parse(Buffer.from(bytes).toString("utf8"));
  } catch (error) {
    throw new Failure("unavailable", `${what}: the answer is not JSON`, { cause: error });
  }
  const names = (page as Record<string, unknown> | null)?.[member] ?? [];
  if (Array.isArray(names) && names.every((name) => typeof name === "string")) return names as string[];
  throw new Failure("unavailable", `${what}: the answer has no list of ${member}`);
}
