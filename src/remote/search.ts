/** Search for repositories by the registry API of old, which Docker Hub still answers (moby, daemon/pkg/registry/search.go). */
import { collect } from "../bytes/index.ts";
import { Failure } from "../errors.ts";
import type { Connection } from "./connection.ts";
import { fetchUrl } from "./fetch_url.ts";

export interface FoundRepository {
  readonly name: string;
  readonly description: string;
  readonly star_count: number;
  readonly is_official: boolean;
  readonly is_automated: boolean;
}

export interface SearchRequest {
  readonly term: string;
  /** How many at most. */
  readonly limit: number;
  readonly signal: AbortSignal;
}

/** An answer has at most a hundred rows. */
const answerLimit = 4 << 20;

/** Docker Hub has it under a name of its own, for everybody. */
export async function searchHub({ term, limit, signal }: SearchRequest): Promise<FoundRepository[]> {
  const { content } = await fetchUrl(`https://index.docker.io/v1/search?${query(term, limit)}`, { signal });
  return parseResults(await collect(content, answerLimit, "search results"));
}

/** Throws `Failure("unavailable")` for a registry that has no search. */
export async function searchRegistry(
  connection: Connection,
  { term, limit, signal }: SearchRequest,
): Promise<FoundRepository[]> {
  const url = connection.urlOf("/v2/");
  url.pathname = url.pathname.replace(/v2\/$/, "v1/search");
  url.search = query(term, limit);
  const answer = await connection.request({ method: "GET", path: url.href, scopes: [], signal });
  if (answer.status !== 200) {
    answer.discard();
    throw new Failure("unavailable", `Unexpected status code ${answer.status}`, {
      hint: `${url.host} has no search.`,
    });
  }
  return parseResults(await collect(answer.body, answerLimit, "search results"));
}

const query = (term: string, limit: number): string =>
  new URLSearchParams({ q: term, n: String(limit) }).toString();

function parseResults(bytes: Uint8Array): FoundRepository[] {
  let answer: unknown;
  try {
    answer = JSON.parse(Buffer.from(bytes).toString("utf8"));
  } catch (cause) {
    throw new Failure("unavailable", "error decoding registry search results: not JSON", { cause });
  }
  const results = (answer as { results?: unknown } | null)?.results;
  return Array.isArray(results) ? results.map(repositoryOf) : [];
}

/** Whatever the registry says: the fields that Docker's clients read, in Docker's types. */
function repositoryOf(row: unknown): FoundRepository {
  const { name, description, star_count, is_official, is_automated } = (row ?? {}) as Record<string, unknown>;
  return {
    star_count: typeof star_count === "number" ? star_count : 0,
    is_official: is_official === true,
    name: typeof name === "string" ? name : "",
    is_automated: is_automated === true,
    description: typeof description === "string" ? description : "",
  };
}
